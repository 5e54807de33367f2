"""What mkdocs cannot do by itself for the docs: a hook, named in mkdocs.yml.

Pages are also read on GitHub and in a checkout, so a link to a file outside of docs/ is relative. On the site it leads
to the repository. Decisions are listed in the navigation without being written down there.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

OUTSIDE = re.compile(r"\]\(\.\./([^)\s]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the decisions to the navigation."""
    pages = sorted(Path(config.docs_dir, "decisions").glob("*.md"), key=lambda page: (page.name != "README.md", page))
    config.nav = [*(config.nav or []), {"Decisions": [f"decisions/{page.name}" for page in pages]}]
    return config


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links out of docs/ lead to the repository."""
    if "/" in page.file.src_uri:
        return markdown
    return OUTSIDE.sub(rf"]({config.repo_url}/tree/main/\1)", markdown)
