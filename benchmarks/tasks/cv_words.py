"""The words that generated CVs share across trades; a table by split has nothing in common between its halves."""

from __future__ import annotations

# Of a position that is over, and of the one that somebody is in now.
LEADING = {
    "train": ("led a team of {n}", "had {n} direct reports", "was responsible for {n} employees", "managed {n} colleagues"),
    "test": ("was the superior of {n} people", "had a staff of {n} who reported to me", "headed a group of {n}"),
}
LEADING_NOW = {
    "train": (
        "lead a team of {n}",
        "have {n} direct reports",
        "answer for {n} employees, who report to me",
        "manage {n} colleagues",
    ),
    "test": ("supervise {n} people day by day", "have a staff of {n} who report to me", "head a group of {n}"),
}
# Sounds like leading people and is not.
NOT_LEADING = {
    "train": ("coached two interns", "was deputy when the boss was ill", "led the weekly meeting"),
    "test": ("looked after the trainees in their first weeks", "coordinated three suppliers", "spoke for the team in the steering group"),
}  # fmt: skip

# Of any trade.
DUTIES = {
    "train": ("trained newcomers", "wrote the guidelines of the department", "stood in for colleagues during holidays",
              "answered letters from customers", "kept the files in order", "suggested a change that saved two hours a week",
              "prepared the meetings with the board", "worked with three other sites", "took part in the yearly audit",
              "looked for a cheaper supplier and found one"),
    "test": ("showed visitors around", "cleared a backlog from before my time", "took calls on Saturdays", "wrote a handbook of nine pages",
             "got two quarrelling offices to agree", "tidied up a cellar full of papers", "kept to the budget every year",
             "was the one who knew where everything was", "passed on what I knew before I left", "worked alone for most of the week"),
}  # fmt: skip

COMPANIES = {
    "train": (
        "Nordlicht GmbH", "Bluewave Ltd", "Ferrum AG", "Kestrel Systems", "Ovale SA", "Tidemark", "Hanse Haus", "Lumen & Co",
        "Arbor Health", "Quayside Bank", "Pixelwerk", "Sierra Freight", "Granite Insurance", "Meridian Rail", "Fjord Energy",
        "Castell Foods", "Brightline Media", "Orchard Retail", "Vela Works", "Stadtwerke Auental", "Pontis Telecom", "Juniper House",
        "St Anne's Hospital", "Rowan & Sons", "Seeblick Kliniken", "Mill Lane Group",
    ),
    "test": (
        "Calder & Wray", "Aurinko Oy", "Maison Tellier", "Ostwind AG", "Bastion Mutual", "Harrow Street Clinic", "Lindenhof eG",
        "Veldkamp BV", "Corvina Foundation", "Steinbach Werke", "Penrose Ferries", "Tallis Group", "Ardenne Papier", "Cobalt Yard",
        "Havel Trading", "Gemeinde Rothfeld", "Blackthorn Estates", "Isola Collective", "Morwen Water", "Kontor Neun",
    ),
}  # fmt: skip
CITIES = {
    "train": ("Hamburg", "Leeds", "Porto", "Vienna", "Tampere", "Lyon", "Utrecht", "Malmö", "Gdansk", "Zurich", "Cork", "Turin",
              "Leipzig", "Bristol", "Ghent", "Aarhus", "Graz", "Seville", "Brno",
              "Freiburg im Breisgau", "Newcastle upon Tyne"),
    "test": ("Bremen", "Cardiff", "Braga", "Linz", "Oulu", "Nantes", "Delft", "Uppsala", "Poznan", "Basel", "Galway", "Bologna",
             "Dresden", "York", "Turku", "Girona", "Kaunas", "Odense"),
}  # fmt: skip
FIRST_NAMES = {
    "train": ("Amira", "Jonas", "Sofia", "Tomasz", "Nadia", "Oliver", "Ingrid", "Mateo", "Hannah", "Deniz", "Priya", "Lukas", "Chiara",
              "Emeka", "Freya", "Youssef", "Marta", "Henrik", "Aisha", "Pavel", "Louise", "Kenji", "Elif", "Samuel", "Ewa", "Diego",
              "Katrin", "Ravi", "Noémie", "Bogdan", "Leila", "Anders"),
    "test": ("Beatriz", "Mikael", "Zeynep", "Callum", "Agnieszka", "Farid", "Solveig", "Matthias", "Ottilie", "Ikenna", "Renske",
             "Vasile", "Mireille", "Tariq", "Saoirse", "Jarno", "Anneke", "Lorenzo", "Yuki", "Bruno", "Halina", "Rasmus"),
}  # fmt: skip
LAST_NAMES = {
    "train": ("Keller", "Novak", "Haddad", "Lindqvist", "Okafor", "Moreau", "Silva", "Jansen", "Demir", "Walsh", "Kowalski",
              "Schneider", "Rossi", "Patel", "Andersen", "Virtanen", "Costa", "Becker", "Ionescu", "Murphy", "García", "Weiss",
              "Dupont", "Yilmaz", "Nowak", "Tanaka", "O'Hara", "van Dijk",
              "Fernández-Castellanos", "von der Heyden"),
    "test": ("Brandt", "Sharma", "Laurent", "Eriksen", "Marino", "Petrov", "Byrne", "Fischer", "Almeida", "Koskinen", "Vermeer",
             "Aydin", "Suzuki", "Grant", "Popescu", "Zielinska", "Nwosu", "Hallgren", "de Wit", "Brunner"),
}  # fmt: skip

# Code: the language's name in English and in its own words.
LANGUAGES = {
    "da": ("Danish", "Dansk"), "de": ("German", "Deutsch"), "en": ("English", "Englisch"), "es": ("Spanish", "Español"),
    "fi": ("Finnish", "Suomi"), "fr": ("French", "Français"), "it": ("Italian", "Italiano"), "nl": ("Dutch", "Nederlands"),
    "no": ("Norwegian", "Norsk"), "pl": ("Polish", "Polski"), "pt": ("Portuguese", "Português"), "ro": ("Romanian", "Română"),
    "sv": ("Swedish", "Svenska"), "tr": ("Turkish", "Türkçe"), "uk": ("Ukrainian", "Ukrajinska"),
}  # fmt: skip
LEVELS = {
    "train": ("native", "fluent", "C1", "B2", "basic", "good"),
    "test": ("mother tongue", "A2", "very good", "enough for a telephone call", "C2", "rusty"),
}

DEGREES: dict[str, dict[str, tuple[str, ...]]] = {
    "none": {"train": ("",), "test": ("",)},
    "secondary": {"train": ("Abitur", "A-levels", "high school diploma", "Baccalauréat"),
                  "test": ("Matura", "Leaving Certificate", "Scottish Highers", "Realschulabschluss")},
    "vocational": {"train": ("apprenticeship as an electrician", "vocational diploma in electronics", "HND Business",
                             "Ausbildung zur Bürokauffrau", "vocational nursing diploma"),
                   "test": ("journeyman's certificate as a lift fitter", "BTS Logistique", "completed apprenticeship (IHK)",
                            "City and Guilds Level 3")},
    "bachelor": {"train": ("BSc Computer Science", "B.A. Economics", "Bachelor of Engineering", "BSc Statistics", "Bachelor of Nursing"),
                 "test": ("Licence de lettres", "BEng Civil Engineering", "Bachelor's degree in Project Management", "LL.B.")},
    "master": {"train": ("MSc Data Science", "M.Eng. Electrical Engineering", "Master of Business Administration", "MSc Statistics",
                         "Diplom-Kauffrau"),
               "test": ("MPhil in History", "Diplom-Ingenieur", "Master's degree in Machine Learning", "M.A. Linguistics")},
    "doctorate": {"train": ("PhD in Physics", "Dr. rer. nat. (Biology)", "doctorate in linguistics", "D.Phil. Statistics"),
                  "test": ("Dr.-Ing. Materials", "PhD, Chemistry", "doctoral degree in history")},
}  # fmt: skip
UNFINISHED = {
    "train": ("studied law for two semesters, no degree", "MSc Informatics (not finished)", "started a PhD, abandoned"),
    "test": (
        "three terms of medicine, left without a degree",
        "MBA begun and broken off",
        "Bachelor of Arts, enrolled, not completed",
    ),
}
SCHOOLS = {
    "train": (
        "TU Westhaven",
        "University of Aldmoor",
        "Hochschule Nordend",
        "Polytechnic of Riva",
        "City College",
        "Open University",
    ),
    "test": ("Academy of Lorne", "Universität Hohenfurt", "Institute of Velin", "Riverside School", "Université de Clairval"),
}

# Days: ways people say it.
NOTICE: dict[int, dict[str, tuple[str, ...]]] = {
    0: {"train": ("available immediately", "no notice period", "can start at once", "ab sofort"),
        "test": ("from tomorrow", "free right now", "immediate start possible")},
    7: {"train": ("one week", "7 days"), "test": ("1 week", "a week")},
    14: {"train": ("two weeks", "14 days"), "test": ("2 weeks", "a fortnight")},
    28: {"train": ("four weeks", "28 days"), "test": ("4 weeks",)},
    30: {"train": ("one month", "30 days", "ein Monat"), "test": ("1 month", "a month")},
    42: {"train": ("six weeks",), "test": ("6 weeks", "six full weeks")},
    60: {"train": ("two months", "60 days"), "test": ("2 months",)},
    90: {"train": ("three months", "90 days", "3 Monate"), "test": ("3 months", "a quarter")},
    180: {"train": ("six months", "half a year"), "test": ("6 months",)},
}  # fmt: skip
REMOTE: dict[bool, dict[str, tuple[str, ...]]] = {
    True: {"train": ("fully remote is fine", "remote preferred", "I work from home", "100 % remote", "open to remote work"),
           "test": ("only from home, please", "gladly from anywhere", "entirely from my own desk")},
    False: {"train": ("on site only", "I want to be in the office", "no remote work", "hybrid, three days in the office", "office-based"),
            "test": ("in the building every day", "two days at home, three with the team", "not from home", "mixed, half and half")},
}  # fmt: skip

CLAIMS = {
    "train": ("{n} years of professional experience.", "I look back on {n} years in the job.", "More than {n} years in the trade."),
    "test": ("My working life counts {n} years.", "With {n} years behind me I know what I can do.", "{n} years, and still curious."),
}  # fmt: skip
# `{}` is one of the trade's areas.
OPENINGS = {
    "train": ("Most of my work has been about {}.", "I know {} from the inside.", "My field is {}, and I have stayed with it.",
              "There is more craft in {} than people think.", "I came to {} by accident and stayed on purpose."),
    "test": ("If you need somebody for {}, read on.", "I have a weakness for {}.", "Colleagues call me when it is about {}.",
             "Nobody dreams of {} as a child; I do it gladly all the same."),
}  # fmt: skip
MANNERS = {
    "train": (
        "I like work that is finished when I say it is finished.", "People tell me that I explain things calmly.",
        "I write down what I do so that others can go on with it.", "I ask before I guess, which has saved my employers some money.",
        "What I cannot do yet I learn in the evening.", "I would rather do three things well than ten halfway.",
        "I get along with difficult customers and easy ones.", "I am punctual and expect meetings to be so too.",
        "After several moves I am looking for a place to stay.", "My last two employers would take me back, and have said so.",
        "I do not mind dull tasks if I know what they are for.", "In a small company I learnt to do what nobody else wants to do.",
        "I say early when a date cannot be kept.", "I need a short way to work and colleagues who laugh at times.",
    ),
    "test": (
        "I am quiet in meetings and clear in writing.", "What breaks at four in the afternoon is mended by six.",
        "I have worked for a tyrant once and left with a good reference.", "I count twice and talk once.",
        "My notes are read by people I have never met.", "I can be wrong without sulking.",
        "A place where people thank one another would suit me.", "I prefer an honest no to a slow yes.",
        "I have moved house four times for a job and would like this one to be the last.",
        "I work best when somebody tells me why.", "I am slow on the first day and fast in the second month.",
    ),
}  # fmt: skip
UNKNOWN = {
    "train": ("No experience with {} so far.", "I have not used {} yet.", "{}: none, but willing to learn."),
    "test": ("I cannot offer {}.", "Please do not expect {} from me.", "What I lack is {}."),
}
INTERESTS = {
    "train": ("rowing, old maps", "hiking with two dogs", "chess and bread baking", "second-hand bicycles", "singing in a choir",
              "watching birds", "handball", "growing tomatoes on a balcony", "photography of doors", "restoring radios"),
    "test": ("keeping bees", "open-water swimming", "crosswords in pen", "amateur theatre", "long walks along canals",
             "fencing", "repairing clocks", "a very small sailing boat", "knitting for nephews"),
}  # fmt: skip
COURSES = {
    "train": ("Course in first aid, two days", "Evening class in rhetoric", "Driving licence B", "Course: dealing with complaints",
              "Safety training at work, renewed each year", "Seminar on labour law, one day"),
    "test": ("Licence for the company car", "Workshop: difficult conversations", "Fire warden, trained and appointed",
             "Three days of bookkeeping for beginners", "Certificate for ladders and lifts", "Reading group on ethics at work"),
}  # fmt: skip
REFERENCES = {
    "train": ("References on request.", "Certificates are attached.", "My former boss is glad to talk to you.",
              "Letters of reference can be sent by e-mail."),
    "test": ("Whom you may call I will tell you when we meet.", "Testimonials follow once we have spoken.",
             "Two people have agreed to speak for me."),
}  # fmt: skip
# Without pay: what somebody was, and where; "" for any company.
UNPAID = {
    "train": (
        ("Intern (unpaid)", ""),
        ("Volunteer", "animal shelter"),
        ("Unpaid internship", ""),
        ("Volunteer", "fire brigade"),
    ),
    "test": (("Driver (volunteer)", "food bank"), ("Work experience without pay", ""), ("Honorary treasurer", "swimming club")),
}
FRESH = {
    "train": ("I have not had a paid position yet.", "This would be my first paid job.", "So far I have only studied and helped at home."),
    "test": ("Nobody has paid me for work until now.", "I am at the very beginning and looking for somebody patient.",
             "After school I looked after my grandmother, which was work but no job."),
}  # fmt: skip
