"""Draws the pictures of filtering.md into docs/pictures: python docs/make_filtering_pictures.py"""
from pathlib import Path

import numpy as np

import mgconv
from mgconv import layers, plot

FOLDER = Path(__file__).parent / "pictures"


def rings(size):
    """A picture with edges in all directions, (size, size, 1)."""
    rows, cols = np.mgrid[:size, :size] - size / 2
    radius = np.hypot(rows, cols)
    return ((radius > 0.2 * size) & (radius < 0.37 * size)).astype(np.float32)[..., None]


def main():
    FOLDER.mkdir(exist_ok=True)
    plot.contributions((5, 6), (10, 10), (3, 3)).savefig(FOLDER / "contributions.png")
    plot.contributions((1, 1), (10, 10), (3, 3)).savefig(FOLDER / "contributions_near_a_corner.png")
    plot.contributions((3, 4), (9, 9), (3, 3), strides=2, padding="same").savefig(FOLDER / "contributions_strided.png")
    plot.contributions(7, 16, 5, padding="causal").savefig(FOLDER / "contributions_causal.png")
    x = np.random.default_rng(0).integers(0, 5, (5, 6))
    plot.sliding(x, [[1, 0, -1], [2, 0, -2], [1, 0, -1]], FOLDER / "sliding.gif")
    mgconv.set_random_seed(1)
    model = mgconv.Sequential([mgconv.Input((28, 28, 1)), layers.Conv2D(8, 5, activation="relu"),
                               layers.MaxPooling2D(2), layers.Conv2D(3, 3)])
    plot.feature_maps(model, rings(28)).savefig(FOLDER / "feature_maps.png")
    plot.kernels(model.layers[0]).savefig(FOLDER / "kernels.png")
    plot.kernels(model.layers[2]).savefig(FOLDER / "kernels_of_pairs.png")


if __name__ == "__main__":
    main()
