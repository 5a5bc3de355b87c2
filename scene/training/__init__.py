"""The network of `models/scene.py` in PyTorch, trained until its schedule ends.

settings      what is trained, and how; as JSON beside the weights
network       the network in PyTorch, by the names of its weights here
bands         the pyramid and the normalization before it
frames        frames in memory, and the batches of a step
jitter        the same frame, a little different every time
loss          how wrong scores are, each class by its weight
history       what was measured on the way
record        the same as files, while it runs
checkpoint    a training that can go on after a kill
lock          one training at a time in a folder
loop          `train`
curve         the learning curve as a picture
validation    how good the network is on other frames
export        weights, ONNX and the rest, when it is done
"""
