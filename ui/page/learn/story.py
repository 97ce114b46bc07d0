"""The tab as a story: its sections in order, what to notice in each, what to say of it in an interview, and where it is written."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from finetune.lora import count_bits, count_trained
from ui.page.markup import render

SIDE = 4096  # Of the matrix that everybody computes with: one of Llama's.


@dataclass(frozen=True, slots=True)
class StorySection:
    """A section of the tab.

    Args:
        id: Of its anchor.
        title: Its heading.
        notice: What to look at, a sentence.
        say: What to answer when asked about it, a sentence or two.
        sources: Where the claims stand, paper and section.
        article: The bundled article that goes on; empty where there is none.
    """

    id: str
    title: str
    notice: str
    say: str
    sources: str
    article: str = ""


def list_sections() -> tuple[StorySection, ...]:
    """Return the sections in the order of the story; the numbers in their sentences are computed."""
    return (*_tell_lora(), *_tell_quantization(), *_tell_retrieval())


def _tell_lora() -> tuple[StorySection, ...]:
    full, thin = count_trained(SIDE, SIDE), count_trained(SIDE, SIDE, 1)
    return (
        StorySection(
            "choose",
            "Retrieve, fine-tune, both or neither?",
            "Change one answer and watch which reasons turn; then look whether your own runs agree.",
            "I retrieve for facts and fine-tune for form. I start with a prompt, add retrieval where facts are missing or change, "
            "train where the form stays wrong, and let a comparison on held-out items decide.",
            "Ovadia et al. 2023, arXiv 2312.05934 (facts); Balaguer et al. 2024, arXiv 2401.08406 (both together)",
            "rag-or-fine-tuning",
        ),
        StorySection(
            "shapes",
            "LoRA: two thin matrices beside a frozen one",
            "Move r: the thin matrices grow with r, the big ones never change. The product has the full shape, but at most rank r.",
            f"Of a {SIDE:,} x {SIDE:,} matrix full fine-tuning trains {full:,} numbers; LoRA at r = 1 trains {thin:,}, because it learns "
            "only B and A of the update B A. One never has to form B A: x goes through A, then through B.",
            "Hu et al. 2021, arXiv 2106.09685, section 4.1",
            "lora-update",
        ),
        StorySection(
            "update",
            "Is a real update thin?",
            "The first few bars hold most of the energy of a trained adapter; a full fine-tuning spreads over more of them.",
            "The best rank-r copy of any update keeps its r largest singular values. Trained updates fall off fast, which is why a "
            "small r works; with much data a full update can need more rank than LoRA has.",
            "Eckart and Young 1936; Hu et al. 2021, section 7.2; Biderman et al. 2024, arXiv 2405.09673 (the rank of full updates)",
            "lora-rank-choice",
        ),
        StorySection(
            "start",
            "Why B starts at zero",
            "Three starts, one problem: both zero stays where it is for ever, both random starts beside the base model, and one zero "
            "starts at the base and learns.",
            "With B zero and A random, B A is zero, so training starts from the base model itself; B's gradient is not zero, so it moves "
            "first and A follows. Were both zero, both gradients would be zero for ever.",
            "Hu et al. 2021, section 4.1; Hayou et al. 2024, arXiv 2406.08447",
            "lora-initialisation",
        ),
        StorySection(
            "alpha",
            "Why r about 16 and alpha = 2r",
            "At a fixed alpha / r each doubling of r brings less than the one before; at a fixed alpha (dashed) the update shrinks as r "
            "grows, so a large r gains little.",
            "The update is scaled by alpha / r, so alpha acts like a learning rate. I keep alpha = 2r so that changing r changes "
            "capacity only, start at r = 16, and tune the learning rate before the rank.",
            "Hu et al. 2021, sections 4.1 and 7.2; Kalajdzievski 2023, arXiv 2312.03732",
            "lora-alpha-scaling",
        ),
    )


def _tell_quantization() -> tuple[StorySection, ...]:
    return (
        StorySection(
            "bits",
            "4-bit storage, 16-bit computation",
            "The 16 levels lie densest where weights are. Smaller blocks lose less and store more scales; double quantization makes the "
            "scales cheap.",
            f"A block of 64 weights shares one scale, and each weight is the number of one of 16 levels: {count_bits(double=False):.1f} bits "
            f"a weight, {count_bits():.3f} with double quantization. Before each product the block becomes 16-bit numbers again.",
            "Dettmers et al. 2023, arXiv 2305.14314, section 3; Yoshida 2023, arXiv 2306.06965",
            "nf4",
        ),
        StorySection(
            "memory",
            "Where the memory goes",
            "QLoRA shrinks the weights, LoRA gradients and optimizer; what is left are activations, which both keep.",
            "Full fine-tuning with Adam takes 16 bytes a parameter. LoRA needs gradients and moments for the adapter alone, QLoRA also "
            "stores the frozen weights in 4 bits; then activations decide, and recomputing them trades time for memory.",
            "Rajbhandari et al. 2020, arXiv 1910.02054, section 3.1; Dettmers et al. 2023, section 3",
            "memory-of-fine-tuning",
        ),
    )


def _tell_retrieval() -> tuple[StorySection, ...]:
    return (
        StorySection(
            "chunks",
            "Cutting and embedding your text",
            "Shorter passages are more exact and hold less; overlap repeats text so that no sentence loses its neighbour. Nearness on the "
            "map is a hint, the cosine decides.",
            "I cut at headings and sentences, count in the embedder's own tokens, since it silently drops what is beyond its window, and "
            "choose the size by recall on labelled questions.",
            "Reimers and Gurevych 2019, arXiv 1908.10084, section 3; Pearson 1901 (principal components)",
            "chunking",
        ),
        StorySection(
            "rag",
            "RAG, step by step",
            "A passage that both searches like rises to the top; what the prompt does not show, the model cannot use.",
            "A question is searched by meaning and by words, both lists are joined, the best few passages go into the prompt, and the "
            "answer can cite them. If it is wrong I first look whether the right passage was in the prompt.",
            "Lewis et al. 2020, arXiv 2005.11401, section 2; Bruch et al. 2023, arXiv 2210.11934",
            "rag-overview",
        ),
        StorySection(
            "interview",
            "Interview me",
            "Words that cover a point are counted and certain; the grade is the opinion of a small model, and often wrong.",
            "Begin with the answer, give one number and its reason, and name the case in which it would not hold.",
            "Zheng et al. 2023, arXiv 2306.05685, section 3.3 (how models misjudge answers)",
            "llm-as-a-judge",
        ),
        StorySection("articles", "Articles", "Each is short, and names its sources.", "", ""),
    )


def render_contents() -> Markup:
    """Show the sections as a list of links."""
    return render("learn/contents", sections=list_sections())


def render_head(section: StorySection) -> Markup:
    """Show a section's heading with what to notice."""
    return render("learn/head", section=section)


def render_foot(section: StorySection) -> Markup:
    """Show what to say in an interview, and the sources."""
    return render("learn/foot", section=section)
