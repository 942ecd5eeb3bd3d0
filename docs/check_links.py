"""Check that every link within a built site leads somewhere, without a network.

    python docs/check_links.py docs/_build/html

Files and anchors that links, pictures, scripts and style sheets of the pages name must
exist. Addresses of other sites are counted, not fetched; --external lists them.
"""

import argparse
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup


def main():
    """Print what is broken; exit with 1 if anything is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("site", type=Path, help="folder of the built pages")
    parser.add_argument(
        "--external", action="store_true", help="list other sites' addresses"
    )
    args = parser.parse_args()
    pages = read_pages(args.site)
    if not pages:
        sys.exit(f"{args.site} holds no page; build the site first.")
    broken, external = check(args.site.resolve(), pages)
    if args.external:
        print(*sorted(external), sep="\n")
    print(*broken, sep="\n", file=sys.stderr)
    print(
        f"{len(pages)} pages, {len(broken)} broken links, {len(external)} other sites"
    )
    sys.exit(bool(broken))


def read_pages(site):
    """Links and anchors of each page."""
    pages = {}
    site = site.resolve()
    for path in sorted(site.rglob("*.html")):
        if "_static" in path.relative_to(site).parts:
            continue  # the theme's templates
        soup = BeautifulSoup(path.read_bytes(), "html.parser")
        links = [
            tag[name]
            for name in ("href", "src")
            for tag in soup.find_all(attrs={name: True})
        ]
        anchors = {tag["id"] for tag in soup.find_all(id=True)}
        anchors |= {tag["name"] for tag in soup.find_all("a", attrs={"name": True})}
        pages[path] = links, anchors
    return pages


def check(site, pages):
    """What is broken, as lines for people, and the addresses of other sites."""
    broken, external = [], set()
    for page, (links, _) in pages.items():
        for link in links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if parts.scheme not in ("data", "javascript"):
                    external.add(link)
                continue
            target = page
            if parts.path:
                target = (page.parent / unquote(parts.path)).resolve()
            if target.is_dir():
                target /= "index.html"
            name = f"{page.relative_to(site)}: {link}"
            if not target.is_file():
                broken.append(f"{name} is not there")
            elif (
                parts.fragment
                and target in pages
                and unquote(parts.fragment) not in pages[target][1]
            ):
                broken.append(f"{name} has no such anchor")
    return broken, external


if __name__ == "__main__":
    main()
