"""Sphinx: the site of seal_sk, with the gallery of examples/."""

import os
import re

from sphinx.util.nodes import make_refnode

# The same pages for everybody: one thread a process, no display, no data of one's own.
os.environ.update(OMP_NUM_THREADS="1", MPLBACKEND="Agg")
for name in ("SEAL_SK_DATA", "SEAL_SK_VGG16"):
    os.environ.pop(name, None)

import seal_sk  # noqa: E402  (after the number of threads is set)

project = "seal_sk"
author = "The seal_sk developers"
project_copyright = author
version = release = seal_sk.__version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
root_doc = "index"
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
# Tables of results are for programs and papers; pages link to them as files.
exclude_patterns = ["_build", "auto_examples/**/*.ipynb", "results/*/**"]
templates_path = ["_templates"]
default_role = "py:obj"
nitpicky = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

plot_formats = [("png", 110)]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_rcparams = {"savefig.bbox": "tight"}
plot_apply_rcparams = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/plot_",
    "ignore_pattern": "^(?!plot_)",
    "subsection_order": [
        "../examples/basics",
        "../examples/learning",
        "../examples/applications",
    ],
    "within_subsection_order": "ExampleTitleSortKey",
    "abort_on_example_error": False,
    "only_warn_on_example_error": False,
    "doc_module": ("seal_sk",),
    "backreferences_dir": "api/generated/backreferences",
    "parallel": 2,
    "remove_config_comments": True,
    # Neither belongs on a page that is the same every time.
    "min_reported_time": 10**6,
    "write_computation_times": False,
    "show_signature": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "seal_sk"
html_static_path = ["_static"]
html_css_files = ["seal_sk.css"]
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "logo": {"text": "seal_sk"},
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}
html_sidebars = {"index": [], "getting_started": []}

# What scikit-learn and torch put on our classes is documented by them.
autosummary_context = {
    "inherited": "BaseEstimator,TransformerMixin,_MetadataRequester,Module,object"
}


def skip_foreign(app, what, name, obj, skip, options):
    """Leave out the methods that scikit-learn generates for metadata routing."""
    return True if re.fullmatch(r"set_\w+_request|set_output", name) else skip


def link_to_pages(app, docname, source):
    """Lead to pages of the site where a forge has only the files they come from."""
    for pattern, page in (
        (r"examples/((?:\w+/)?plot_\w+)\.py", r"/auto_examples/\1.rst"),
        (r"examples((?:/\w+)?)(?=\))", r"/auto_examples\1/index.rst"),
        (r"CONTRIBUTING\.md", "/development/contributing.md"),
        (r"CHANGELOG\.md", "/development/changelog.md"),
        (r"README\.md", "/index.rst"),
    ):
        source[0] = re.sub(rf"\]\((?:\.\./)+{pattern}", f"]({page}", source[0])


def keep_pairs_together(app, docname, source):
    """Break no line of a table within "0.9544 / 0.7815"."""
    source[0] = re.sub(
        r"^\|.*",
        lambda row: re.sub(r"(?<=\d) / (?=\d)", "\u00a0/\u00a0", row[0]),
        source[0],
        flags=re.MULTILINE,
    )


def find_public_name(app, env, node, contnode):
    """Lead from a class or function to its page, whichever module is its home."""
    if node.get("refdomain") != "py":
        return None
    found = [
        (name, entry)
        for name, entry in env.get_domain("py").objects.items()
        if name.rpartition(".")[2] == node["reftarget"]
        and entry.objtype in ("class", "exception", "function")
    ]
    if len(found) != 1:
        return None
    ((name, entry),) = found
    return make_refnode(
        app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, name
    )


def setup(app):
    """Connect them."""
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("missing-reference", find_public_name)
    app.connect("source-read", link_to_pages)
    app.connect("source-read", keep_pairs_together)
