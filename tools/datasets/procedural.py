"""A data set of painted abstract pictures. Called by `tools/make_dataset.py procedural`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.frame import Size
from phosphene.tools.datasets.painting import BUCKETS, paint
from phosphene.tools.datasets.writer import Writer

SMALLEST = 16  # px: below it there is nothing to see


def make_pictures(
    writer: Writer,
    images: int,
    size: Size,
    *,
    seed: int = 0,
    views: int = 2,
    buckets: Sequence[str] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Paint `images` pictures, as many of each bucket, `views` of each recipe; the group of a split is a recipe.

    buckets: names, none: all. The first pictures are the same for any number of images. Raises UserError.
    """
    chosen = tuple(dict.fromkeys(buckets)) or tuple(BUCKETS)
    if unknown := set(chosen) - set(BUCKETS):
        raise UserError("no such bucket", where="--buckets", allowed=", ".join(BUCKETS), got=", ".join(sorted(unknown)))
    for name, value, least in (("--images", images, 1), ("--views", views, 1), ("--seed", seed, 0)):
        if value < least:
            raise UserError("too small a number", where=name, allowed=f"{least} or more", got=value)
    if min(size.width, size.height) < SMALLEST:
        raise UserError("too small to paint on", where="--size", allowed=f"{SMALLEST} px or more", got=size)
    for done in range(images):
        bucket, place = chosen[done % len(chosen)], done // len(chosen)
        recipe, view = divmod(place, views)
        pixels, caption = paint(bucket, recipe, view, size, seed)
        writer.picture(
            f"{bucket}-{recipe:05d}-{view}",
            pixels,
            {"seed": seed, "recipe": recipe, "view": view},
            group=f"{bucket}/{recipe}",
            bucket=bucket,
            caption=caption,
        )
        progress(done + 1)
