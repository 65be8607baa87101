"""The VQ-VAE as torch modules: encoder, quantiser, and the decoder that the show plays.

Made by the trainer and by export. In gray it has the architecture of the plain recipe, to the parameter: 238,624 of
the encoder, 238,305 of the decoder, 8,192 of the codebook.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from phosphene.engine.backends.graph_torch import run_graph
from phosphene.engine.models.vqvae import VqvaeNetwork, vqvae_graph
from phosphene.tools.vqvae.options import Options
from phosphene.tools.vqvae.quantisers import Quantised, Quantiser


class Residual(nn.Module):
    """x + conv(relu(conv(relu(x))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.b(functional.relu(self.a(functional.relu(x))))


class Encoder(nn.Sequential):
    """Pictures [n, channels, h, w] in 0..1 to vectors [n, dim, h / factor, w / factor]; the decoder's widths, mirrored."""

    def __init__(self, spec: VqvaeNetwork) -> None:
        layers: list[nn.Module] = []
        wide = spec.channels
        for out in reversed(spec.widths):
            layers += [nn.Conv2d(wide, out, 4, stride=2, padding=1), nn.ReLU()]
            wide = out
        layers += [nn.BatchNorm2d(wide), *(Residual(wide) for _ in range(spec.blocks))]
        super().__init__(*layers, nn.Conv2d(wide, spec.dim, 3, padding=1))


class Decoder(nn.Module):
    """The graph that the show plays, without its sigmoid; holds the tensors by the names of the exported file."""

    def __init__(self, spec: VqvaeNetwork) -> None:
        super().__init__()
        self._graph = vqvae_graph(spec, logits=True)
        self.tensors = nn.ParameterDict()
        for name, shape in self._graph.tensors.items():
            if name in ("codebook", "loops"):
                continue  # the quantiser's, and an export's
            tensor = torch.empty(shape)
            if len(shape) == 4:
                # torch's own start of convolutions: uniform, by the inputs of an output pixel.
                nn.init.kaiming_uniform_(tensor, a=5**0.5)
            else:
                kernel = self.tensors[_key(name.replace("bias", "weight"))]
                bound = 1 / (kernel[0].numel() ** 0.5)
                nn.init.uniform_(tensor, -bound, bound)
            self.tensors[_key(name)] = nn.Parameter(tensor)

    def forward(self, z: Tensor) -> Tensor:
        """Return logits."""
        return run_graph(self._graph, self.named(), {"z": z})

    def named(self) -> dict[str, Tensor]:
        """Return the tensors by their exported names."""
        return {name: self.tensors[_key(name)] for name in self._graph.tensors if _key(name) in self.tensors}


class VqVae(nn.Module):
    """Make one by `VqVae.begin`: the same seed gives the same weights."""

    def __init__(self, spec: VqvaeNetwork, quantiser: Quantiser) -> None:
        super().__init__()
        self.spec, self.mixed = spec, False
        self.encoder, self.quantiser, self.decoder = Encoder(spec), quantiser, Decoder(spec)

    @classmethod
    def begin(cls, options: Options) -> VqVae:
        """Return an untrained model."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            generator = torch.Generator().manual_seed(options.seed)
            return cls(options.spec(), options.make_quantiser(generator))

    @property
    def parameter_count(self) -> int:
        """Numbers that training sets, codebook included."""
        kept = [p for name, p in self.named_parameters() if p.requires_grad or name == "quantiser.vectors"]
        return sum(p.numel() for p in kept)

    def forward(self, pictures: Tensor, quantised: bool = True) -> tuple[Tensor, Quantised]:
        """Return logits and what was quantised. quantised: False passes vectors through as they are (warm-up).

        With `mixed`, training convolves in bfloat16; the quantiser and all evaluation stay in float32.
        """
        low = self.mixed and self.training
        with torch.autocast(pictures.device.type, torch.bfloat16, enabled=low):
            z = self.encoder(pictures).float()
        found = self.quantiser(z) if quantised else Quantised(z, None, z.new_zeros(()), z.new_zeros(()), z.detach())
        with torch.autocast(pictures.device.type, torch.bfloat16, enabled=low):
            return self.decoder(found.z).float(), found

    @torch.no_grad()
    def codes_of(self, pictures: Tensor) -> Tensor:
        """Return int64 [n, rows, columns]. In the mode the model is in: call `eval()` first."""
        found = self.quantiser(self.encoder(pictures))
        assert found.codes is not None, "a VAE has no codes"
        return found.codes

    @torch.no_grad()
    def codebook(self) -> Tensor:
        """Return what the decoder gets for each code, [codes, dim]."""
        every = torch.arange(self.spec.codes).reshape(1, 1, -1)
        return self.quantiser.embed(every)[0, :, 0].T.contiguous()


def _key(name: str) -> str:
    return name.replace(".", "_")  # a ParameterDict takes no dots


def to_tensor(pictures: np.ndarray) -> Tensor:
    """Return uint8 [n, h, w, 3] or [n, h, w] as float32 [n, channels, h, w] in 0..1."""
    pixels = torch.from_numpy(np.array(pictures))  # a copy: what is mapped from a file may not be written to
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)
    return pixels.float().div_(255.0).contiguous()
