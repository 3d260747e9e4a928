"""What stands on the page, and where."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from serving.page.choices import Choices, label_of
from serving.page.given import MOST_SHARPENING
from serving.page.samples import SAMPLES

_HEADER = """
<header>
  <h1>Pellucid</h1>
  <p>A clearer picture: glare removed, darkness lifted, detail restored, pixelation corrected.</p>
</header>
"""
_FOOTER = "<footer>Pictures stay on this server, which deletes them soon.{docs}</footer>"
_DOCS = ' <a href="{url}">HTTP API</a>'


@dataclass(frozen=True)
class Parts:
    """The page's components that something happens to."""

    picture: gr.Image
    facts: gr.HTML
    samples: gr.Dataset
    system: gr.Radio
    about: gr.Markdown
    model: gr.Dropdown
    method: gr.Dropdown
    sharpening: gr.Slider
    restore: gr.Button
    check: gr.Button
    verdict: gr.HTML
    comparison: gr.ImageSlider
    note: gr.HTML
    download: gr.DownloadButton


def lay_out(choices: Choices, docs_url: str | None) -> Parts:
    """Put everything on the page that is being made; `docs_url` is where the API's docs are."""
    gr.HTML(_HEADER, padding=False, elem_id="header")
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            picture, facts, samples = _source()
            system, about = _system(choices)
            model, method, sharpening = _options(choices)
            restore = gr.Button("Restore", variant="primary", size="lg", elem_id="restore")
            check = gr.Button(
                "Only check for pixelation", elem_id="check", visible=bool(choices.methods)
            )
        with gr.Column(scale=7, min_width=320, elem_id="result"):
            verdict, comparison, note, download = _result()
    docs = _DOCS.format(url=docs_url) if docs_url else ""
    gr.HTML(_FOOTER.format(docs=docs), elem_id="footer")
    return Parts(
        *(picture, facts, samples, system, about, model, method, sharpening, restore, check),
        *(verdict, comparison, note, download),
    )


def _source() -> tuple[gr.Image, gr.HTML, gr.Dataset]:
    picture = gr.Image(
        label="Your picture",
        sources=["upload", "clipboard"],
        buttons=["fullscreen"],
        height=280,
        placeholder="Drop a picture here\nor tap to choose one\nPNG, JPEG, TIFF, WebP, BMP",
        alt_text="The picture to restore",
        elem_id="picture",
    )
    facts = gr.HTML(visible=False, padding=False, elem_id="facts")
    samples = gr.Dataset(
        label="Or try a sample",
        components=[gr.Image(visible=False)],
        samples=[[str(sample.file)] for sample in SAMPLES],
        type="index",
        elem_id="samples",
    )
    return picture, facts, samples


def _system(choices: Choices) -> tuple[gr.Radio, gr.Markdown]:
    first = choices.systems[0]
    system = gr.Radio(
        [(label_of(name), name) for name in choices.systems],
        value=first,
        label="What to do",
        info=choices.missing,
        elem_id="system",
    )
    return system, gr.Markdown(choices.about(first), elem_id="about")


def _options(choices: Choices) -> tuple[gr.Dropdown, gr.Dropdown, gr.Slider]:
    models = choices.models[choices.systems[0]]
    with gr.Accordion("Model, detection and sharpening", open=False, elem_id="options"):
        model = gr.Dropdown(models, value=models[0], label="Model", elem_id="model")
        method = gr.Dropdown(
            [(label_of(name), name) for name in choices.methods],
            value=next(iter(choices.methods), None),
            label="Pixelation is found by",
            elem_id="method",
        )
        sharpening = gr.Slider(
            *(0, MOST_SHARPENING, 0),
            step=0.25,
            label="Sharpening of the result",
            elem_id="sharpening",
        )
    return model, method, sharpening


def _result() -> tuple[gr.HTML, gr.ImageSlider, gr.HTML, gr.DownloadButton]:
    verdict = gr.HTML(visible=False, padding=False, elem_id="verdict")
    comparison = gr.ImageSlider(
        label="Before | after",
        interactive=False,
        buttons=["fullscreen"],
        format="png",
        max_height=620,
        elem_id="comparison",
    )
    note = gr.HTML(visible=False, padding=False, elem_id="note")
    download = gr.DownloadButton(
        "Download PNG", variant="primary", visible=False, elem_id="download"
    )
    return verdict, comparison, note, download
