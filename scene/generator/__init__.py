"""Synthetic streets and landscapes with the truth of every pixel, by seed.

    layout     draws a world from a seed: ridges, ground, buildings, things that stand in it
    world      what a world is, as data
    textures   the patterns that surfaces of all classes share
    shapes     silhouettes of trees, vehicles, people, animals, boats
    palette    colours and textures that classes share
    buildings  rows along a street, houses, towers
    things     trees, vehicles, people, animals, boats, lamps and signs
    render     paints a world as a camera sees it: label, distance and surface of every pixel
    sensors    what a camera and a depth sensor make of that
    synthetic  frames by split and number

A layout decides everything about a world but the noise of the sensors.
"""

from sightline.scene.generator.synthetic import SPLITS, Synthetic

__all__ = ["SPLITS", "Synthetic"]
