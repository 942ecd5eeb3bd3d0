import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

# Contracting a*b+c into one rounding would make results differ between CPUs.
COMPILE_ARGS = (
    ["/O2"] if sys.platform == "win32" else ["-O3", "-g0", "-ffp-contract=off"]
)
LINK_ARGS = []

# Builds that look for errors: CONTRIBUTING.md says how to use them.
BUILD = os.environ.get("SEAL_SK_BUILD", "")
CHECKED = BUILD == "checked"
if BUILD == "sanitized":
    LINK_ARGS = ["-fsanitize=address,undefined,float-cast-overflow"]
    # Python's own -fwrapv would make every overflow of signed integers a right one.
    COMPILE_ARGS += [*LINK_ARGS, "-fno-sanitize-recover=all", "-fno-wrapv"]
    COMPILE_ARGS += ["-fno-omit-frame-pointer", "-O1", "-g"]
elif BUILD and not CHECKED:
    sys.exit(f"SEAL_SK_BUILD={BUILD} must be checked or sanitized.")

setup(
    options={"build_ext": {"parallel": True}},
    ext_modules=cythonize(
        [
            Extension(
                f"seal_sk.{name}",
                [f"seal_sk/{name}.pyx"],
                extra_compile_args=COMPILE_ARGS,
                extra_link_args=LINK_ARGS,
            )
            for name in (
                "_colors",
                "_distance",
                "_ers",
                "_fh",
                "_labels",
                "_merge",
                "_metrics",
                "_refine",
                "_snic",
                "_split",
            )
        ],
        # Beside the .pyx files lies the C of the usual build.
        build_dir=f"build/{BUILD}" if BUILD else None,
        compiler_directives={
            "language_level": "3",
            "boundscheck": CHECKED,
            "wraparound": False,
            "cdivision": not CHECKED,
            "initializedcheck": CHECKED,
            "freethreading_compatible": True,
        },
    ),
)
