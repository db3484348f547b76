"""Pictures in the form that weighs least on the way to a reader: notebooks make PNG, the site sends lossless WebP."""

from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms.images import BaseImageConverter

# more effort than this takes half a minute a page and gives three per cent
EFFORT = {"quality": 60, "method": 4}


def as_webp(source: Path, target: Path) -> None:
    """Write the picture at ``source`` to ``target``, with every pixel as it was."""
    with Image.open(source) as picture:
        # a palette may carry transparency beside the picture
        whole = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        whole.save(target, "WEBP", lossless=True, exact=True, **EFFORT)


class Lighter(BaseImageConverter):
    """Put the WebP in the place of each PNG of a page; other formats of the book keep what they have."""

    default_priority = 200

    def match(self, node: nodes.image) -> bool:
        """Whether a picture is one that the build made or found as PNG, for a page of the site."""
        uri = node["uri"]
        return self.app.builder.format == "html" and uri in self.env.images and uri.endswith(".png")

    def handle(self, node: nodes.image) -> None:
        """Convert it, and let the page name the result."""
        source = node["uri"]
        folder = Path(self.imagedir)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / Path(self.env.images[source][1]).with_suffix(".webp").name
        as_webp(Path(self.env.srcdir, source), target)
        node["uri"] = node["candidates"]["*"] = str(target)
        self.env.original_image_uri[str(target)] = source
        self.env.images.add_file(self.env.docname, str(target))


def setup(app: Sphinx) -> None:
    """Register the conversion."""
    app.add_post_transform(Lighter)
