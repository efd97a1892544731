"""The documentation site: Sphinx's settings. `make docs` builds it; docs/about-this-site.md says why these tools."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

import ironglass

project = "ironglass"
version = release = ironglass.__version__
copyright = "the authors of ironglass, MIT licence"
extensions = ["myst_nb", "public_api", "sphinx_copybutton"]
exclude_patterns = ["extensions", "**.ipynb_checkpoints"]

# Notebooks are executed by docs/notebooks/execute.py and stored with their output: a build runs nothing.
nb_execution_mode = "off"
nb_merge_streams = True
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
# Blocks of console output, of ironglass's own tables and of layouts have no lexer of their own.
highlight_language = "text"
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_title = "ironglass"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": True,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "back_to_top_button": False,
    "header_links_before_dropdown": 6,
}
html_sidebars = {"index": [], "traps": [], "reading-a-report": []}
# Only the prompt's line is copied, without its $
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
