"""The painted truth against rays that are followed one by one."""

from __future__ import annotations

import numpy as np
import pytest

from sightline.scene.generator.layout import draw_world
from sightline.scene.generator.render import camera_at, render
from sightline.scene.generator.world import SKY
from tests.support.naive.scene_rays import Ray, label_of

SIZE = (120, 160)
RAYS = 150


@pytest.mark.parametrize("seed", range(10))
def test_labels_and_distances_are_those_of_single_rays(seed: int) -> None:
    world = draw_world(np.random.SeedSequence((7, seed)))
    time = 0.4 * seed
    view = render(world, time, *SIZE)
    rng = np.random.default_rng(seed)
    wrong = 0
    for row, column in zip(*(rng.integers(0, side, RAYS) for side in SIZE), strict=True):
        ray = Ray.through(camera_at(world.walk, time), row, column, SIZE)
        label, ahead = label_of(ray, world, time)
        seen = view.label[row, column], view.distance[row, column]
        wrong += seen[0] != label or not np.isclose(seen[1], ahead, rtol=1e-3)
    assert wrong <= 2  # a ray that grazes an edge may fall to either side of it


def test_nothing_is_farther_than_it_seems() -> None:
    """Only the sky has no distance, and what is seen is before the camera."""
    for seed in range(20):
        view = render(draw_world(np.random.SeedSequence(seed)), 0.0, *SIZE)
        assert ((view.label == SKY) == np.isinf(view.distance)).all()
        assert view.distance.min() > 0


def test_a_camera_that_walks_comes_nearer() -> None:
    """What stands still and ahead is nearer by as much as the camera has moved."""
    world = draw_world(np.random.SeedSequence(3))
    first, later = (camera_at(world.walk, time) for time in (0.0, 2.0))
    assert later.z - first.z == pytest.approx(2 * world.walk.speed)
    assert abs(later.x - first.x) <= world.walk.sway + abs(first.x - world.walk.start.x)
