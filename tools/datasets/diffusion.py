"""A data set painted by a Stable Diffusion model from a prompt file. Called by `tools/make_dataset.py diffusers`.

The model's weights must be on this machine: nothing is downloaded, and only safetensors are read. Each picture has its own
seed, so that one alone can be made again from its sidecar on the same device.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.extras import install
from phosphene.engine.core.files import read_json, read_text
from phosphene.tools.datasets.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator


def _ascending(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError("the first of the two is the smaller")
    return value


_LIBRARIES = (["diffusers"], ["transformers"])
Range = Annotated[
    tuple[Annotated[float, Field(ge=0, le=30)], Annotated[float, Field(ge=0, le=30)]], AfterValidator(_ascending)
]
Side = Annotated[int, Field(ge=64, le=2048, multiple_of=8)]
Steps = Annotated[int, Field(ge=1, le=200)]
Count = Annotated[int, Field(ge=1)]
Words = Annotated[str, Field(min_length=1)]


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bucket(_Checked):
    """Prompts of one bucket, taken in turn, and what is different from the rest of the file."""

    prompts: Annotated[tuple[Words, ...], Field(min_length=1)]
    images: Count | None = None
    cfg: Range | None = None
    steps: Steps | None = None
    negative: str | None = None


class Prompts(_Checked):
    """A prompt file. cfg: guidance scale, drawn between the two for each picture. images: of each bucket."""

    model: str = ""
    seed: Annotated[int, Field(ge=0)] = 0
    width: Side = 512
    height: Side = 512
    images: Count = 1000
    steps: Steps = 28
    cfg: Range = (6.5, 8.5)
    scheduler: Literal["ddim", "model"] = "ddim"
    negative: str = ""
    buckets: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")], Bucket], Field(min_length=1)]


class Shot(_Checked):
    """One picture to be painted."""

    name: str
    bucket: str
    group: str
    prompt: str
    negative: str
    seed: int
    cfg: float
    steps: int


def read_prompts(path: Path) -> Prompts:
    """Return a prompt file. Raises UserError naming the key at fault."""
    try:
        import yaml
    except ImportError as error:
        raise UserError("PyYAML is not installed", remedy=install("diffusion")) from error

    class Plain(yaml.SafeLoader):
        """Takes no references: nine of them within each other are a billion prompts."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("a reference (*name)")
            return super().compose_node(parent, index)

    text = read_text(path, what="prompt file")
    try:
        found = yaml.load(text, Plain)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        remedy = "see tools/datasets/prompts.yaml"
        raise UserError("the prompt file cannot be read", where=str(path), got=reason, remedy=remedy) from error
    try:
        return Prompts.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise UserError(
            f"the prompt file is not valid: {key}: {first['msg']}", where=str(path), got=first["input"],
            remedy="see tools/datasets/prompts.yaml",
        ) from error  # fmt: skip


def plan(prompts: Prompts, limit: int = 0) -> Iterator[Shot]:
    """Yield the pictures to paint, bucket by bucket, at most `limit` of each (0: as the file says).

    The same for the same file; the group of a split is a prompt."""
    for name, bucket in prompts.buckets.items():
        count = bucket.images or prompts.images
        for k in range(min(count, limit) if limit else count):
            rng = np.random.default_rng([prompts.seed, zlib.crc32(name.encode()), k])
            which = k % len(bucket.prompts)
            low, high = bucket.cfg or prompts.cfg
            yield Shot(
                name=f"{name}-{k:05d}",
                bucket=name,
                group=f"{name}/{which}",
                prompt=bucket.prompts[which],
                negative=prompts.negative if bucket.negative is None else bucket.negative,
                seed=int(rng.integers(2**31)),
                cfg=round(float(rng.uniform(low, high)), 2),
                steps=bucket.steps or prompts.steps,
            )


def check_model(folder: Path) -> None:
    """Raise UserError for a model whose index asks for classes of its own: diffusers would run the files that hold them."""
    index = read_json(folder / "model_index.json", what="model's index")
    parts = index if isinstance(index, dict) else {"": ["", ""]}
    own = [name for name, part in parts.items() if isinstance(part, list) and part[:1] not in ([], [None], *_LIBRARIES)]
    if own or not isinstance(parts.get("_class_name"), str):
        got = ", ".join(own) or "its pipeline"
        what, allowed = "the model wants to run code of its own", "parts of diffusers and transformers"
        raise UserError(what, where=str(folder), allowed=allowed, got=got)


def model_folder(name: str) -> Path:
    """Return the folder of a model: the one of that name, or what the hub's cache holds under it. Nothing is fetched.

    Raises UserError.
    """
    if os.path.isdir(name):
        return Path(name)
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, local_files_only=True))
    except (ImportError, OSError, ValueError) as error:
        raise _no_weights(name, error) from error


def _no_weights(name: str, error: Exception) -> UserError:
    return UserError(
        "the weights of the diffusion model are not on this machine, or not whole",
        where=name,
        allowed="a folder of a diffusers pipeline with .safetensors, or a name in the hub's cache",
        got=(str(error).splitlines() or [type(error).__name__])[0],
        remedy="fetch the model where there is a network, and name its folder with --model",
    )


def open_pipeline(prompts: Prompts, model: str, device: str) -> Any:
    """Return a diffusers pipeline. Raises UserError naming what is missing."""
    try:
        import torch
        from diffusers import DDIMScheduler, DiffusionPipeline
    except ImportError as error:
        raise UserError("diffusers is not installed", got=error, remedy=install("diffusion")) from error
    name = model or prompts.model
    if not name:
        raise UserError("no model is named", where="--model", remedy="name a folder of weights there or in the prompt file")
    folder = model_folder(name)  # loaded by its folder: what was checked is what is read
    check_model(folder)
    kind = torch.float32 if device == "cpu" else torch.float16
    try:
        pipeline = DiffusionPipeline.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, dtype=kind, low_cpu_mem_usage=False
        )
    except (OSError, ValueError, KeyError) as error:
        raise _no_weights(name, error) from error
    if prompts.scheduler == "ddim":
        pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    try:
        return pipeline.to(device)
    except (RuntimeError, AssertionError) as error:
        raise UserError("no such device", where="--device", got=device, remedy="cpu") from error


def paint_prompts(
    writer: Writer,
    prompts: Prompts,
    *,
    model: str = "",
    device: str = "cpu",
    limit: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Paint every picture of the plan; what the model's own filter blanks is left out, and said. Raises UserError."""
    pipeline = open_pipeline(prompts, model, device)
    import torch

    name, blank = Path(model).name or prompts.model, 0
    for done, shot in enumerate(plan(prompts, limit), 1):
        found = pipeline(
            prompt=shot.prompt,
            negative_prompt=shot.negative or None,
            width=prompts.width,
            height=prompts.height,
            num_inference_steps=shot.steps,
            guidance_scale=shot.cfg,
            generator=torch.Generator("cpu").manual_seed(shot.seed),  # the same noise on every device
            output_type="np",
        )
        if any(getattr(found, "nsfw_content_detected", None) or ()):
            blank += 1
            continue
        pixels = np.round(np.clip(found.images[0], 0, 1) * 255).astype(np.uint8)
        about = {
            "prompt": shot.prompt, "negative": shot.negative, "seed": shot.seed, "cfg": shot.cfg, "steps": shot.steps,
            "scheduler": type(pipeline.scheduler).__name__, "model": name, "device": device,
        }  # fmt: skip
        writer.picture(shot.name, pixels, about, group=shot.group, bucket=shot.bucket, caption=shot.prompt)
        progress(done)
    if blank:
        writer.notes.append(f"{blank} pictures were blanked by the model's filter and left out")
