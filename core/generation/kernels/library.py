"""The compiled step: made once by the system's compiler, kept in the user's cache folder, loaded by ctypes.

Nothing needs it: where there is no compiler, no AVX2, or the compiler fails, answers come from torch alone and
`ragft doctor` says why. A library is loaded only from a folder and a file that nobody else can write.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.settings import allows_kernel

SOURCE = Path(__file__).with_name("step.cpp")
FLAGS = ("-O3", "-march=native", "-std=c++17", "-fopenmp", "-shared", "-fPIC", "-Wno-ignored-attributes")
COMPILERS = ("g++", "c++", "clang++")
SECONDS = 120  # For the compiler; it takes 3 to 4 on a quiet machine.
NEEDED = frozenset({"avx2", "fma"})


@dataclass(frozen=True, slots=True)
class Kernel:
    """The library, or None and why there is none."""

    library: ctypes.CDLL | None
    status: str


@lru_cache(maxsize=1)
def load_kernel() -> Kernel:
    """Load the library, compiling it where it was not yet; once for a process."""
    problem = _find_problem()
    if problem:
        return Kernel(None, problem)
    import torch  # noqa: F401  # Before the library: both then share torch's OpenMP, whose name is the same.

    path = _place_build()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_private(path.parent)
        if not path.is_file():
            _compile(path)
        _check_private(path)
        library = ctypes.CDLL(str(path))
    except (OSError, subprocess.SubprocessError) as error:
        return Kernel(None, f"not used: {_tell(error)}")
    for name in ("nf4_bytes", "pack_nf4", "pack_bf16", "run_step"):
        getattr(library, name).restype = ctypes.c_int64
    return Kernel(library, f"compiled ({path})")


def describe_kernel() -> str:
    """Say how answers are computed here, without compiling anything."""
    problem = _find_problem()
    if problem or _place_build().is_file():
        return problem or f"compiled ({_place_build()})"
    return f"is compiled by {_find_compiler()} when a model is first loaded"


def _find_problem() -> str:
    """Return why there can be no library here, or an empty text."""
    if not allows_kernel():
        return "switched off (RAGFT_KERNEL=off)"
    if not read_abilities() >= NEEDED:
        return f"not used: it needs Linux on a processor with AVX2 and FMA, this is {platform.system()} on {platform.machine()}"
    if _find_compiler() is None:
        return f"not used: no compiler ({', '.join(COMPILERS)}) was found"
    return ""


@lru_cache(maxsize=1)
def read_abilities() -> frozenset[str]:
    """Return the names of the processor's instruction sets; none where the system does not list them."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text(errors="replace").splitlines() if known.is_file() else []
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())


def _find_compiler() -> str | None:
    return next(filter(None, map(shutil.which, COMPILERS)), None)


def _place_build() -> Path:
    """Return the library's place, named by source, flags and processor, for a home may be shared by machines."""
    from platformdirs import user_cache_dir

    parts = [SOURCE.read_bytes(), " ".join(FLAGS).encode(), " ".join(sorted(read_abilities())).encode()]
    name = hashlib.sha256(b"\0".join(parts)).hexdigest()[:24]
    return Path(user_cache_dir("ragft", appauthor=False)) / "kernels" / f"step-{name}.so"


def _check_private(path: Path) -> None:
    """Refuse what somebody else could have written: it would run as us.

    Raises:
        PermissionError: It is another's, or others can write it.
    """
    about = path.stat()
    if about.st_uid != os.getuid() or about.st_mode & 0o022:
        raise PermissionError(f"{path} can be written by others")


def _compile(path: Path) -> None:
    """Compile the source; the file is whole or absent.

    Raises:
        OSError: The compiler cannot be started, or nothing can be written.
        CalledProcessError: It refuses the source.
        TimeoutExpired: It takes too long.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        made = Path(scratch) / path.name
        command = [_find_compiler() or COMPILERS[0], *FLAGS, "-o", str(made), str(SOURCE)]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
        made.chmod(0o700)
        os.replace(made, path)


def _tell(error: BaseException) -> str:
    """Return the one line that says what failed."""
    lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
    return next((line for line in lines if "error" in line), lines[-1] if lines else type(error).__name__)
