"""Scene labeling: frames to label, networks trained on them, and how well they do.

    frame         one frame, and sets of them
    generator/    synthetic streets and landscapes with truth, by seed
    datasets/     the same and the published sets, as one sequence of frames
    classes       the same ones in all that is compared
    training/     the network of `models/scene.py` in PyTorch: loss, schedule, checkpoints
    labeling      a compiled network's scores for frames, and the labels in them
    superpixels   one class for each segment
    measures      right pixels and classes
    evaluation    networks on a set of frames
    drawing       labels, legends and confusions as pictures
    places        folders that results go to
    extras        what is told when an optional package is missing
    wording       numbers of things in words, and names that a picture can show
    commands      `sightline scene`

Nothing in Sightline's face imports this package; its command line names the group `scene` alone.
"""
