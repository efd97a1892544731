"""The sampled images of a run and their maps, made ready for the page and for the figures folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ironglass.errors import InputError
from ironglass.report.kit import pictures
from ironglass.report.kit.map_scale import floor_of, floored, is_noise
from ironglass.report.kit.tensors import read_tensors
from ironglass.run import Run


@dataclass(frozen=True)
class Samples:
    """`samples.json` and `samples.safetensors` of one run, with the class names.

    images: one entry an image; tensors: as docs/run-folder.md names them; names: the class at a position; attacks:
    eps, norm, names of the attacks, and what became of every image.
    """

    eps: list[float]
    masks: list[str]
    layers: list[str]
    images: list[dict[str, Any]]
    tensors: dict[str, np.ndarray]
    names: Callable[[int], str]
    attacks: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def photos(self) -> list[np.ndarray]:
        """The images themselves, uint8 (h, w, 3)."""
        return [pictures.colour(image) for image in self.tensors["images"]]

    def photographs(self) -> list[dict[str, Any]]:
        """Every image with what is known of it and its picture."""
        return [
            {
                "file": entry["name"],
                "label": self.names(entry["label"]),
                "prediction": self.names(entry["prediction"]),
                "confidence": entry["confidence"],
                "right": entry["label"] == entry["prediction"],
                "top": [(self.names(class_index), share) for class_index, share in entry.get("top", [])],
                "url": picture.url,
                "px": picture.px,
            }
            for entry, photo in zip(self.images, self.photos, strict=True)
            for picture in [pictures.picture(photo, large=True)]
        ]

    def grad_cam(self) -> list[dict[str, Any]]:
        """Every layer with its scale and one picture an image; empty where there are no maps."""
        return [
            {
                "name": layer,
                "scale": scale,
                "shape": maps.shape[1:],
                "maps": [
                    pictures.map_url(pictures.positive_index(part, scale), pictures.HEAT, pictures.CELL)
                    for part in maps
                ],
            }
            for layer, maps, scale in self.cam_maps()
        ]

    def occlusion_scale(self) -> float:
        """The one scale of all occlusion maps, in probability; at least `occlusion_floor`."""
        maps = [maps for _, maps in self.occlusion_maps()]
        return floored(pictures.signed_scale(maps), maps, "probability", self.occlusion_floor)

    @property
    def occlusion_floor(self) -> float:
        """The change of the probability below which occlusion maps are noise."""
        return floor_of(self.images, "probability")

    def occlusion_is_noise(self) -> bool:
        """True where no occlusion map reaches `occlusion_floor`."""
        return is_noise([maps for _, maps in self.occlusion_maps()], "probability", self.occlusion_floor)

    def occlusion(self) -> list[dict[str, Any]]:
        """Every mask with one picture an image; empty where there are no maps."""
        scale = self.occlusion_scale()
        return [
            {
                "name": mask,
                "maps": [
                    pictures.map_url(pictures.signed_index(part, scale), pictures.SIGNED, pictures.CELL)
                    for part in maps
                ],
            }
            for mask, maps in self.occlusion_maps()
        ]

    def attacked(self) -> list[tuple[int, float, np.ndarray]]:
        """The adversarial images as (place in eps, eps, float32 (s, h, w, c))."""
        return [(i, eps, self.tensors[key]) for i, eps in enumerate(self.eps) if (key := f"fgsm/{i}") in self.tensors]

    def side_by_side(self) -> list[tuple[str, np.ndarray]]:
        """The adversarial images as (attack, float32 (s, h, w, c)), all at one eps.

        FGSM is left out where `attacked` shows it at the same eps.
        """
        eps, norm = self.attacks.get("eps"), self.attacks.get("norm")
        drawn_attacks = {"fgsm"} if norm == "linf" and eps in [size for _, size, _ in self.attacked()] else set[str]()
        names = [name for name in self.attacks.get("names", []) if name not in drawn_attacks]
        return [(name, self.tensors[key]) for name in names if (key := f"attack/{name}") in self.tensors]

    def cam_maps(self) -> list[tuple[str, np.ndarray, float]]:
        """Grad-CAM as (layer, float32 (s, h', w'), scale), first layer to last."""
        keys = {layer: f"grad_cam/{layer}" for layer in self.layers}
        maps = {layer: self.tensors[key] for layer, key in keys.items() if key in self.tensors}
        return [(layer, part, pictures.positive_scale(part)) for layer, part in maps.items()]

    def occlusion_maps(self) -> list[tuple[str, np.ndarray]]:
        """The occlusion maps as (mask, float32 (s, h, w))."""
        return [(mask, self.tensors[key]) for mask in self.masks if (key := f"occlusion/{mask}") in self.tensors]


def read_samples(run: Run, names: Callable[[int], str]) -> Samples | None:
    """The samples of a run, or None where it has none. Raises InputError where the file cannot be read."""
    index, path = run.read_object("samples.json"), run.path / "samples.safetensors"
    if not index or not index["images"] or not path.is_file():
        return None
    tensors = read_tensors(path)
    if tensors["images"].dtype != np.uint8:
        raise InputError(f"{path}: images are {tensors['images'].dtype}, and a run's are uint8")
    return Samples(
        eps=index.get("eps", []),
        masks=index.get("masks", []),
        layers=index.get("layers", []),
        images=index["images"],
        tensors=tensors,
        names=names,
        attacks=index.get("attacks") or {},
    )
