"""The house list of skills: how each is written in training CVs and in test CVs, and how a text is searched for them."""

from __future__ import annotations

import re
from functools import lru_cache

# House name: spellings in train, and those kept for the test. Both splits also use the house name itself.
SKILLS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "AWS": (("Amazon Web Services", "EC2 and S3"), ("AWS Lambda", "Amazon's cloud")),
    "Airflow": (("Apache Airflow",), ("Airflow DAGs",)),
    "Azure": (("Microsoft Azure",), ("MS Azure", "Azure Functions")),
    "C#": (("C sharp", ".NET"), ("ASP.NET", "C-sharp")),
    "C++": (("cpp", "C++17"), ("C++20", "modern C++")),
    "CI/CD": (("continuous integration", "Jenkins pipelines"), ("continuous delivery", "build pipelines")),
    "CSS": (("CSS3", "stylesheets", "SASS"), ("SCSS", "Tailwind CSS")),
    "Data Analysis": (("analytics", "analysing data"), ("analysis of data", "data analyses")),
    "Deep Learning": (("neural networks",), ("deep neural nets", "deep-learning models")),
    "Django": (("Django REST",), ("Django 5",)),
    "Docker": (("docker-compose", "containers"), ("Dockerfiles", "Docker Swarm")),
    "Excel": (("MS Excel", "spreadsheets"), ("Microsoft Excel", "Excel macros")),
    "Figma": (("Figma mock-ups",), ("Figma prototypes",)),
    "Git": (("version control", "GitLab"), ("GitHub", "Bitbucket")),
    "Go": (("Golang",), ("Go 1.22",)),
    "Google Cloud": (("GCP",), ("Google Cloud Platform", "Google's cloud")),
    "Java": (("Java 17",), ("Java 21", "core Java")),
    "JavaScript": (("JS", "ES6"), ("ECMAScript", "plain JavaScript")),
    "Kubernetes": (("k8s",), ("Kubernetes clusters", "k8s clusters")),
    "Linux": (("Unix", "Debian"), ("Ubuntu servers", "Red Hat Linux")),
    "Machine Learning": (("ML",), ("supervised learning", "machine-learning models")),
    "NLP": (("natural language processing", "text mining"), ("text classification", "NLP pipelines")),
    "Node.js": (("NodeJS",), ("Node 20", "a Node backend")),
    "Power BI": (("PowerBI",), ("Microsoft Power BI", "Power BI dashboards")),
    "Project Management": (("managing projects",), ("PRINCE2", "project planning")),
    "PyTorch": (("torch",), ("PyTorch Lightning",)),
    "Python": (("python3", "Py"), ("Python 3.12", "Python scripting")),
    "R": (("R language",), ("RStudio", "R (tidyverse)")),
    "React": (("ReactJS",), ("React.js", "React hooks")),
    "Rust": (("Rust 2021",), ("Rust (stable)",)),
    "SQL": (("Postgres", "MySQL", "T-SQL"), ("PostgreSQL", "SQL Server", "Oracle SQL")),
    "Scrum": (("agile", "sprints"), ("sprint planning", "agile working")),
    "Security": (("infosec", "penetration testing"), ("IT security", "pentesting")),
    "Spark": (("PySpark", "Apache Spark"), ("Spark Streaming",)),
    "Statistics": (("statistical modelling",), ("inferential statistics", "regression models")),
    "Tableau": (("Tableau Desktop",), ("Tableau dashboards",)),
    "Terraform": (("infrastructure as code",), ("IaC", "Terraform modules")),
    "Testing": (("QA", "unit tests"), ("test automation", "regression tests")),
    "TypeScript": (("TS",), ("TypeScript 5",)),
    "UX Design": (("user research", "usability"), ("user interviews", "UX")),
}
# Names that are written small in a running text.
SMALL = (
    "Data Analysis",
    "Deep Learning",
    "Machine Learning",
    "Project Management",
    "Security",
    "Statistics",
    "Testing",
    "UX Design",
)
# What a thing is made with: the skills that a duty may name without knowing which.
TOOLS = frozenset(SKILLS) - {*SMALL, "CI/CD", "Git", "Linux", "NLP", "Scrum"}
EXACT = ("Go", "R", "JS", "TS", "ML", "Py", "UX", "QA", "IaC")  # Spellings that count only in this case.


def list_spellings(name: str, split: str) -> tuple[str, ...]:
    """Return how a skill is written in a split: the house name, then the split's own spellings."""
    plain = name.lower() if name in SMALL and name != "UX Design" else name
    return (plain, *SKILLS[name][0 if split == "train" else 1])


def find_skills(text: str) -> set[str]:
    """Return the house names of the skills that a text spells out; of spellings inside one another the longest counts."""
    pattern, names = _compile_spellings()
    return {names[found if found in EXACT else found.lower()] for found in pattern.findall(text)}


@lru_cache
def _compile_spellings() -> tuple[re.Pattern[str], dict[str, str]]:
    """Return a pattern of all spellings, longest first, and the house name of each."""
    spellings = {text: name for name, both in SKILLS.items() for text in (name, *both[0], *both[1])}
    longest = sorted(spellings, key=len, reverse=True)
    parts = [re.escape(text) if text in EXACT else f"(?i:{re.escape(text)})" for text in longest]
    names = {text if text in EXACT else text.lower(): name for text, name in spellings.items()}
    return re.compile(rf"(?<![\w.#+-])(?:{'|'.join(parts)})(?![\w#+])"), names
