"""Learn: a walk from the choice between retrieving and fine-tuning to an interview, every idea of it to be touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import gradio as gr

from lab.lab import Lab
from ui.page.errors import explain
from ui.page.learn.alpha_panel import build_alpha_panel
from ui.page.learn.articles import CHOICE, list_articles, read_article
from ui.page.learn.bits_panel import build_bits_panel
from ui.page.learn.choice_panel import build_choice_panel
from ui.page.learn.chunks_panel import build_chunks_panel
from ui.page.learn.interview_panel import build_interview_panel
from ui.page.learn.lora_panels import build_shapes_panel, build_start_panel
from ui.page.learn.memory_panel import build_memory_panel
from ui.page.learn.rag_panel import build_rag_panel
from ui.page.learn.story import StorySection, list_sections, render_contents, render_foot, render_head
from ui.page.learn.update_panel import build_update_panel
from ui.page.polling import QUIET

# Shows the articles and moves the focus there, for who reads and who listens.
TO_ARTICLES = "() => { const place = document.getElementById('learn-articles'); place?.scrollIntoView(); place?.focus({preventScroll: true}); }"


def build_learn_tab(tab: gr.Tab, lab: Lab, task: gr.Dropdown) -> None:
    """Build the tab; its drawings are computed when it is first opened, so that the page itself comes up at once.

    Args:
        tab: The tab.
        lab: The lab.
        task: The page's list of tasks.
    """
    panels: Mapping[str, Callable[[], None]] = {
        "choose": lambda: build_choice_panel(tab, lab, task),
        "shapes": build_shapes_panel,
        "update": lambda: build_update_panel(tab, lab),
        "start": lambda: build_start_panel(tab),
        "alpha": build_alpha_panel,
        "bits": lambda: build_bits_panel(tab, lab),
        "memory": lambda: build_memory_panel(tab, lab),
        "chunks": lambda: build_chunks_panel(lab),
        "rag": lambda: build_rag_panel(tab, lab, task),
        "interview": lambda: build_interview_panel(tab, lab),
    }
    gr.HTML(render_contents(), label="Contents", padding=False, elem_id="learn-contents")
    readers = []
    for section in list_sections():
        with gr.Column(elem_classes="learn-section"):
            gr.HTML(render_head(section), label=section.title, padding=False)
            if section.id in panels:
                panels[section.id]()
                readers.append(_build_foot(section))
            else:
                article, text = _build_articles()
    for section, button in readers:
        button.click(lambda name=section.article: (name, read_article(name)), None, [article, text], **QUIET).then(
            None, None, None, js=TO_ARTICLES, **QUIET
        )


def _build_foot(section: StorySection) -> tuple[StorySection, gr.Button]:
    gr.HTML(render_foot(section), label="What to say", padding=False)
    return section, gr.Button("Read the article on this", size="sm", elem_classes="learn-read")


def _build_articles() -> tuple[gr.Dropdown, gr.Markdown]:
    articles = list_articles()
    article = gr.Dropdown(articles, value=CHOICE, label=f"One of {len(articles)} articles")
    text = gr.Markdown(read_article(CHOICE), elem_classes="article")
    article.input(explain(read_article), article, text, **QUIET)
    return article, text
