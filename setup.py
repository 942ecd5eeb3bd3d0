import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

# Contracting a*b+c into one rounding would make results differ between CPUs.
COMPILE_ARGS = (
    ["/O2"] if sys.platform == "win32" else ["-O3", "-g0", "-ffp-contract=off"]
)

setup(
    ext_modules=cythonize(
        [
            Extension(
                f"seal_sk.{name}",
                [f"seal_sk/{name}.pyx"],
                extra_compile_args=COMPILE_ARGS,
            )
            for name in ("_ers", "_metrics", "_snic")
        ],
        compiler_directives={
            "language_level": "3",
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "freethreading_compatible": True,
        },
    )
)
