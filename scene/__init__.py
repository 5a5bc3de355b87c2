"""Scene labeling: frames to label, networks trained on them, and how well they do.

generator/    synthetic streets and landscapes with truth, by seed
datasets/     the same and the published sets, as one sequence of frames
training/     the network of `models/scene.py` in PyTorch: loss, schedule, checkpoints
measures      right pixels and classes
superpixels   one class for each segment
labeling      an artifact's scores for frames, and the labels in them
commands      `sightline scene`
"""
