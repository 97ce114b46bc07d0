"""The words that generated CVs are made of; `cv_screening.py` puts them together."""

from __future__ import annotations

# Canonical name of the house list: ways people write it. The first is used half of the time.
SKILLS: dict[str, tuple[str, ...]] = {
    "AWS": ("AWS", "Amazon Web Services", "EC2 and S3"),
    "Airflow": ("Airflow", "Apache Airflow"),
    "Azure": ("Azure", "Microsoft Azure"),
    "C#": ("C#", "C sharp", ".NET"),
    "C++": ("C++", "cpp", "C++17"),
    "CI/CD": ("CI/CD", "continuous integration", "Jenkins pipelines"),
    "CSS": ("CSS", "CSS3", "stylesheets", "SASS"),
    "Data Analysis": ("data analysis", "analytics", "analysing data"),
    "Deep Learning": ("deep learning", "neural networks"),
    "Django": ("Django", "Django REST"),
    "Docker": ("Docker", "docker-compose", "containers"),
    "Excel": ("Excel", "MS Excel", "spreadsheets"),
    "Figma": ("Figma",),
    "Git": ("Git", "version control", "GitLab"),
    "Go": ("Go", "Golang"),
    "Google Cloud": ("Google Cloud", "GCP"),
    "Java": ("Java", "Java 17"),
    "JavaScript": ("JavaScript", "JS", "ES6"),
    "Kubernetes": ("Kubernetes", "k8s"),
    "Linux": ("Linux", "Unix", "Debian"),
    "Machine Learning": ("machine learning", "ML"),
    "NLP": ("NLP", "natural language processing", "text mining"),
    "Node.js": ("Node.js", "NodeJS"),
    "Power BI": ("Power BI", "PowerBI"),
    "Project Management": ("project management", "managing projects"),
    "Python": ("Python", "python3", "Py"),
    "PyTorch": ("PyTorch", "torch"),
    "R": ("R", "R language"),
    "React": ("React", "ReactJS"),
    "Rust": ("Rust",),
    "SQL": ("SQL", "Postgres", "MySQL", "T-SQL"),
    "Scrum": ("Scrum", "agile", "sprints"),
    "Security": ("security", "infosec", "penetration testing"),
    "Spark": ("Spark", "PySpark", "Apache Spark"),
    "Statistics": ("statistics", "statistical modelling"),
    "Tableau": ("Tableau",),
    "Terraform": ("Terraform", "infrastructure as code"),
    "Testing": ("testing", "QA", "unit tests"),
    "TypeScript": ("TypeScript", "TS"),
    "UX Design": ("UX design", "user research", "usability"),
}
UNLISTED = (
    "Photoshop", "COBOL", "SAP", "first aid", "forklift licence", "WordPress", "public speaking", "Matlab", "Fortran",
    "beekeeping", "bookkeeping", "photography", "Lotus Notes", "Perl", "welding", "Salesforce", "copywriting", "InDesign",
)  # fmt: skip

# Family: (titles, skills that its people have).
FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "backend": (
        ("Backend Developer", "Software Engineer", "Java Developer", "API Engineer", "Platform Developer"),
        ("Java", "Python", "Go", "SQL", "Docker", "Git", "Django", "Node.js", "Testing", "C#", "Rust", "Linux"),
    ),
    "frontend": (
        ("Frontend Developer", "Web Developer", "UI Engineer", "React Developer"),
        ("JavaScript", "TypeScript", "React", "CSS", "Figma", "Git", "Testing", "UX Design", "Node.js"),
    ),
    "data": (
        ("Data Analyst", "BI Analyst", "Reporting Specialist", "Business Analyst"),
        ("SQL", "Excel", "Tableau", "Power BI", "Data Analysis", "Statistics", "R", "Python"),
    ),
    "ml": (
        ("Data Scientist", "Machine Learning Engineer", "Research Engineer", "NLP Engineer"),
        ("Python", "PyTorch", "Machine Learning", "Deep Learning", "NLP", "Statistics", "SQL", "Spark", "Docker"),
    ),
    "platform": (
        ("DevOps Engineer", "Site Reliability Engineer", "Cloud Engineer", "Systems Administrator"),
        ("Linux", "Kubernetes", "Docker", "Terraform", "AWS", "Azure", "Google Cloud", "CI/CD", "Python", "Go", "Security"),
    ),
    "pipelines": (
        ("Data Engineer", "ETL Developer", "Analytics Engineer"),
        ("Spark", "Airflow", "SQL", "Python", "AWS", "Google Cloud", "Docker", "Git", "Data Analysis"),
    ),
    "quality": (
        ("Test Engineer", "QA Analyst", "Test Automation Engineer"),
        ("Testing", "Python", "Java", "CI/CD", "Git", "SQL", "Scrum", "JavaScript"),
    ),
    "design": (
        ("UX Designer", "Product Designer", "Interaction Designer"),
        ("Figma", "UX Design", "CSS", "Scrum", "JavaScript", "Data Analysis"),
    ),
    "delivery": (
        ("Project Manager", "Scrum Master", "Delivery Manager", "Product Owner"),
        ("Project Management", "Scrum", "Excel", "Data Analysis", "Power BI", "UX Design"),
    ),
    "embedded": (
        ("Embedded Engineer", "Firmware Developer", "C++ Developer"),
        ("C++", "Rust", "Linux", "Git", "Python", "Testing", "CI/CD"),
    ),
}  # fmt: skip
GRADES = ("Junior", "", "", "", "Senior", "Principal")  # "Lead" would hint at a team that is not there.

DUTIES = (
    "used {0} for the customer portal", "rewrote the billing service with {0}", "kept {0} and {1} running for three products",
    "introduced {0} to the department", "built an internal tool with {0} and {1}", "moved an old system to {0}",
    "answered for everything around {0}", "worked with {0} every day", "set up {0} from scratch",
    "wrote the guidelines for {0}", "cut the monthly costs by a fifth thanks to {0}", "trained colleagues in {0} and {1}",
)  # fmt: skip
LEADING = (
    "led a team of {n}", "{n} direct reports", "responsible for {n} employees", "head of a group of {n} people",
    "managed {n} colleagues",
)  # fmt: skip

COMPANIES = (
    "Nordlicht GmbH", "Bluewave Ltd", "Ferrum AG", "Kestrel Systems", "Ovale SA", "Tidemark", "Hanse Digital", "Lumen & Co",
    "Arbor Health", "Quayside Bank", "Pixelwerk", "Sierra Logistics", "Granite Insurance", "Meridian Rail", "Fjord Energy",
    "Castell Foods", "Brightline Media", "Orchard Retail", "Vela Robotics", "Stadtwerke Auental", "Pontis Telecom", "Juniper Labs",
)  # fmt: skip
CITIES = {
    "train": ("Hamburg", "Leeds", "Porto", "Vienna", "Tampere", "Lyon", "Utrecht", "Malmö", "Gdansk", "Zurich", "Cork", "Turin",
              "Leipzig", "Bristol", "Ghent", "Aarhus", "Graz", "Seville"),
    "test": ("Bremen", "Cardiff", "Braga", "Linz", "Oulu", "Nantes", "Delft", "Uppsala", "Poznan", "Basel", "Galway", "Bologna",
             "Dresden", "York"),
}  # fmt: skip
FIRST_NAMES = (
    "Amira", "Jonas", "Sofia", "Tomasz", "Nadia", "Oliver", "Ingrid", "Mateo", "Hannah", "Deniz", "Priya", "Lukas", "Chiara",
    "Emeka", "Freya", "Youssef", "Marta", "Henrik", "Aisha", "Pavel", "Louise", "Kenji", "Elif", "Samuel", "Ewa", "Diego",
    "Katrin", "Ravi", "Noémie", "Bogdan", "Leila", "Anders",
)  # fmt: skip
LAST_NAMES = {
    "train": ("Keller", "Novak", "Haddad", "Lindqvist", "Okafor", "Moreau", "Silva", "Jansen", "Demir", "Walsh", "Kowalski",
              "Schneider", "Rossi", "Patel", "Andersen", "Virtanen", "Costa", "Becker", "Ionescu", "Murphy", "García", "Weiss",
              "Dupont", "Yilmaz", "Nowak"),
    "test": ("Brandt", "Sharma", "Laurent", "Eriksen", "Marino", "Petrov", "Byrne", "Fischer", "Almeida", "Koskinen", "Vermeer",
             "Aydin", "Suzuki", "Grant", "Popescu"),
}  # fmt: skip

LANGUAGES = {
    "da": "Danish", "de": "German", "en": "English", "es": "Spanish", "fi": "Finnish", "fr": "French", "it": "Italian",
    "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "sv": "Swedish", "tr": "Turkish",
    "uk": "Ukrainian",
}  # fmt: skip
LEVELS = ("native", "fluent", "C1", "B2", "basic", "good")

EDUCATION: dict[str, tuple[str, ...]] = {
    "none": ("",),
    "secondary": ("Abitur", "A-levels", "high school diploma", "Baccalauréat"),
    "vocational": ("apprenticeship as IT specialist (IHK)", "vocational diploma in electronics", "HND Computing",
                   "Ausbildung zum Fachinformatiker"),
    "bachelor": ("BSc Computer Science", "B.A. Economics", "Bachelor of Engineering", "BSc Mathematics"),
    "master": ("MSc Data Science", "M.Eng. Electrical Engineering", "Master of Business Administration", "Diplom-Informatiker"),
    "doctorate": ("PhD in Physics", "Dr. rer. nat. (Biology)", "doctorate in linguistics", "D.Phil. Statistics"),
}  # fmt: skip
UNFINISHED = ("studied law for two semesters, no degree", "MSc Informatics (not finished)", "started a PhD, abandoned")
SCHOOLS = (
    "TU Westhaven",
    "University of Aldmoor",
    "Hochschule Nordend",
    "Polytechnic of Riva",
    "City College",
    "Open University",
)

# Days: ways people say it.
NOTICE: dict[int, tuple[str, ...]] = {
    0: ("available immediately", "no notice period", "can start at once", "ab sofort"),
    7: ("one week", "7 days", "1 week"),
    14: ("two weeks", "14 days", "2 weeks", "a fortnight"),
    28: ("four weeks", "4 weeks", "28 days"),
    30: ("one month", "30 days", "1 month", "ein Monat"),
    42: ("six weeks", "6 weeks"),
    60: ("two months", "2 months", "60 days"),
    90: ("three months", "3 months", "90 days", "3 Monate"),
    180: ("six months", "half a year", "6 months"),
}
REMOTE: dict[bool, tuple[str, ...]] = {
    True: ("fully remote is fine", "remote preferred", "I work from home", "100 % remote", "open to remote work"),
    False: ("on site only", "I want to be in the office", "no remote work", "hybrid, three days in the office", "office-based"),
}
TITLES = {
    "en": {"experience": ("Experience", "Work history", "EMPLOYMENT"), "education": ("Education", "EDUCATION", "Studies"),
           "skills": ("Skills", "SKILLS", "Know-how"), "misc": ("Further details", "OTHER", "Additional information"),
           "languages": "Languages", "notice": "Notice period", "remote": "Remote"},
    "de": {"experience": ("Berufserfahrung", "BERUFSERFAHRUNG", "Werdegang"), "education": ("Ausbildung", "AUSBILDUNG", "Studium"),
           "skills": ("Kenntnisse", "KENNTNISSE", "Fähigkeiten"), "misc": ("Sonstiges", "WEITERES", "Persönliches"),
           "languages": "Sprachen", "notice": "Kündigungsfrist", "remote": "Homeoffice"},
}  # fmt: skip
