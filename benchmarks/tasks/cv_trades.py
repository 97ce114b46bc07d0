"""What people of a trade are called, know and do; nothing of a trade's test half occurs in its training half."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Half:
    """A trade as one split sees it.

    Args:
        titles: Of positions, without Junior or Senior.
        areas: What somebody of the trade says they work on.
        duties: What was done, in the past; `{Excel}` stands for a skill of the house list that the person must have,
            `{}` for any of their tools.
    """

    titles: tuple[str, ...]
    areas: tuple[str, ...]
    duties: tuple[str, ...]


@dataclass(frozen=True)
class Trade:
    """A trade: skills of the house list, others, whether titles are graded, and its two halves."""

    skills: tuple[str, ...]
    others: tuple[str, ...]
    graded: bool
    train: Half
    test: Half


TRADES = {
    "server": Trade(
        ("Java", "Python", "Go", "SQL", "Docker", "Git", "Django", "Node.js", "Testing", "C#", "Rust", "Linux"),
        ("Kafka", "Redis", "Perl", "COBOL", "Spring", "RabbitMQ"), True,
        Half(("Backend Engineer", "Java Engineer", "API Developer", "Payments Developer", "Django Developer"),
             ("payments and invoicing", "ticketing systems", "software behind the counter"),
             ("used {} for the customer portal", "rewrote the billing service with {}", "moved an old ordering system to {}",
              "cut the nightly import from four hours to forty minutes", "kept {} and {} running for three products",
              "answered the telephone when invoices went out twice", "reviewed what two younger colleagues wrote", "kept everything in {Git}, configuration too")),
        Half(("Server-side Programmer", "Integration Engineer", "Golang Engineer", "Application Programmer"),
             ("interfaces between insurers", "booking engines", "the dull parts of online banking"),
             ("took over a claims service that nobody dared to touch and documented it with {}",
              "joined two customer databases after a merger", "brought {} into a house that had run on shell scripts",
              "removed eleven thousand lines without anybody noticing", "wrote the interface to the tax office in {}")),
    ),
    "web": Trade(
        ("JavaScript", "TypeScript", "React", "CSS", "Figma", "Git", "Testing", "UX Design", "Node.js"),
        ("WordPress", "Photoshop", "Storybook", "Vue", "accessibility"), True,
        Half(("Web Programmer", "Interface Developer", "React Engineer", "Shop Developer"),
             ("online shops", "pages that load fast on old phones", "forms that people finish"),
             ("rebuilt the checkout in {}", "kept the component library in order with {} and {}",
              "made the newsletter readable on small screens", "halved the number of abandoned baskets",
              "built the seat map of a theatre with {}", "mended what screen readers could not read")),
        Half(("Client-side Engineer", "Site Builder", "JavaScript Engineer", "Front-end Specialist"),
             ("museum guides for the phone", "sites of small towns", "dashboards for hospitals"),
             ("drew and wrote the appointment page of nine practices", "replaced a page of tables with {}",
              "trained the editors of a local paper", "brought the accident form from seven pages to two using {}")),
    ),
    "reports": Trade(
        ("SQL", "Excel", "Tableau", "Power BI", "Data Analysis", "Statistics", "R", "Python"),
        ("SAP", "Access", "Qlik", "SPSS", "Looker"), True,
        Half(("Reporting Specialist", "Sales Controller", "Business Intelligence Developer", "Insight Specialist"),
             ("sales figures", "energy use of shops", "numbers that the board looks at on Mondays"),
             ("wrote the weekly sales report in {}", "found out why two departments counted customers differently",
              "built a forecast of returns with {}", "showed store managers what the numbers meant",
              "moved eighty reports into {}", "checked the figures of the annual report")),
        Half(("Figures Officer", "Planning Specialist", "Claims Controller", "Excel and Reporting Officer"),
             ("bed occupancy in clinics", "passenger counts", "claims and reserves"),
             ("counted empty seats on forty bus lines with {}", "explained the deviation in the budget every month",
              "replaced a wall of printed lists by {}", "wrote down for the first time what a late delivery is")),
    ),
    "models": Trade(
        ("Python", "PyTorch", "Machine Learning", "Deep Learning", "NLP", "Statistics", "SQL", "Spark", "Docker"),
        ("OpenCV", "JAX", "Matlab", "Fortran", "MLflow"), True,
        Half(("Machine Learning Developer", "Applied Scientist", "NLP Developer", "Modelling Specialist"),
             ("search in catalogues", "early signs of machine failure", "letters that sort themselves"),
             ("trained a model that sorts complaints with {}", "brought the demand forecast into daily use with {}",
              "labelled six thousand pictures of weld seams with two colleagues", "explained to the works council what the model sees",
              "shrank a model until it ran on a till", "rebuilt the training jobs with {} and {}")),
        Half(("Prediction Engineer", "Vision Researcher", "Machine Learning Consultant", "Quantitative Modeller"),
             ("speech in noisy rooms", "crop pictures from drones", "fraud in small payments"),
             ("found leaking pipes from pressure curves with {}", "threw away a model that was no better than last year's mean",
              "read two hundred wrong answers by hand each month", "brought {} from a notebook into a plant")),
    ),
    "platform": Trade(
        ("Linux", "Kubernetes", "Docker", "Terraform", "AWS", "Azure", "Google Cloud", "CI/CD", "Python", "Go", "Security"),
        ("Ansible", "VMware", "PowerShell", "Prometheus", "Cisco"), True,
        Half(("Cloud Administrator", "Systems Engineer", "Kubernetes Administrator", "Infrastructure Developer"),
             ("platforms for forty developers", "machines that must not stop at night", "moves between data centres"),
             ("ran the machines of a web shop on {}", "set up {} from scratch", "halved the hosting bill with {}",
              "was on call every fourth week", "practised the restore of backups twice a year", "introduced {} and {} in the department", "brought {Linux} to the last offices that lacked it")),
        Half(("Operations Engineer", "Network and Server Technician", "Release Engineer", "Azure Engineer"),
             ("networks of a port", "the servers of three universities", "software releases without night shifts"),
             ("moved six hundred mailboxes over one weekend", "wrote the emergency handbook of the data centre",
              "replaced hand-made servers by {}", "brought the time for a release from a day to an hour with {}")),
    ),
    "checks": Trade(
        ("Testing", "Python", "Java", "CI/CD", "Git", "SQL", "Scrum", "JavaScript"),
        ("Selenium", "Jira", "Postman", "SoapUI"), True,
        Half(("Test Automation Developer", "QA Specialist", "QA Engineer", "Release Checker"),
             ("medical devices", "ticket machines", "software that prints invoices"),
             ("wrote the release checks in {}", "found the rounding error that three auditors had missed",
              "kept the list of defects and defended it in meetings", "automated ninety checks with {}",
              "sat beside cashiers for a week to see what goes wrong")),
        Half(("Verification Engineer", "QA Technician", "Release Inspector"),
             ("brake controllers", "pharmacy software", "lottery terminals"),
             ("tried out each release on forty old phones", "brought the number of open defects from 300 to 20 with {}",
              "wrote down how a defect is described", "let the checks in {} run every night and read the results at breakfast")),
    ),
    "design": Trade(
        ("Figma", "UX Design", "CSS", "Scrum", "JavaScript", "Data Analysis"),
        ("Photoshop", "InDesign", "Illustrator", "Sketch", "typography"), True,
        Half(("Product Design Specialist", "Service Designer", "Interaction Specialist", "Graphic Designer"),
             ("ticket machines and timetables", "things that people use in a hurry", "brochures and packages"),
             ("drew the screens of a banking app in {Figma}", "watched thirty people buy a ticket and wrote down where they stopped",
              "made icons for four languages", "redesigned the bill so that fewer customers called", "brought {UX Design} into the making of tickets")),
        Half(("Experience Specialist", "Digital Designer", "Information Designer"),
             ("signs in hospitals", "learning games", "official letters"),
             ("turned a forty-page form into nine questions", "tried drafts on paper with pensioners",
              "brought {Figma} into an office that designed by committee", "drew the map of a tram network")),
    ),
    "delivery": Trade(
        ("Project Management", "Scrum", "Excel", "Data Analysis", "Power BI", "UX Design"),
        ("budgets", "Jira", "MS Project", "Confluence", "negotiation"), True,
        Half(("Scrum Coach", "Delivery Coordinator", "Programme Officer", "Product Coordinator"),
             ("moves of offices and systems", "products for schools", "public tenders"),
             ("brought a late programme back to its date", "led the migration of a branch network to new tills",
              "wrote the minutes that both sides signed", "kept the budget of 400,000 euros in {Excel}",
              "asked six departments what they wanted and wrote it on one page")),
        Half(("Project Office Specialist", "Agile Delivery Coordinator", "Rollout Planner"),
             ("new trams", "a hospital's move", "software for fire brigades"),
             ("planned the opening of a clinic day by day", "took a tender through three rounds",
              "kept contractors and inspectors at one table", "closed a project that nobody needed any more")),
    ),
    "accounts": Trade(
        ("Excel", "Power BI", "SQL", "Data Analysis", "Project Management"),
        ("SAP", "DATEV", "bookkeeping", "payroll", "IFRS"), True,
        Half(("Accountant", "Payroll Clerk", "Accounts Payable Clerk", "Tax Assistant"),
             ("small and middling companies", "wages and travel expenses", "year-end closing"),
             ("prepared the monthly closing of two subsidiaries", "paid 220 wages on time for five years", "matched incoming payments in {Excel}",
              "found an unpaid invoice from 2011", "answered the questions of the auditors", "moved the cost report from paper to {}")),
        Half(("Bookkeeper", "Treasury Officer", "Cost Clerk", "Audit Assistant"),
             ("housing cooperatives", "charities and their grants", "a shipyard's purchases"),
             ("kept the ledgers of eleven housing cooperatives", "counted the cash of four museums each quarter",
              "cut the days until payment from 51 to 34", "checked grants against their purpose with {Excel}")),
    ),
    "care": Trade(
        ("Excel", "Project Management", "Statistics", "Data Analysis"),
        ("wound care", "first aid", "palliative care", "medication rounds", "dementia care"), False,
        Half(("Registered Nurse", "Geriatric Nurse", "Ward Nurse", "Physiotherapist"),
             ("intensive care", "people with dementia", "recovery after strokes"),
             ("looked after twelve patients on the surgical ward", "planned the holidays of the ward in {Excel}",
              "showed students how to change dressings", "wrote the handover so that the night shift understood it",
              "talked with relatives on difficult days", "helped to introduce the electronic patient record")),
        Half(("Paediatric Nurse", "Community Nurse", "Occupational Therapist", "Dialysis Nurse"),
             ("premature babies", "patients who want to stay at home", "hands after accidents"),
             ("drove to nine patients a day in two villages", "kept the stock of infusions", "counted falls per month and showed the curve in {Excel}",
              "calmed children before their first needle")),
    ),
    "transport": Trade(
        ("Excel", "SQL", "Project Management", "Data Analysis", "Power BI"),
        ("forklift licence", "SAP", "customs papers", "route planning", "driving licence C"), False,
        Half(("Warehouse Clerk", "Dispatcher", "Purchasing Clerk", "Freight Forwarder"),
             ("chilled goods", "spare parts", "parcels for three countries"),
             ("sent out sixty lorries a day", "counted the stock every quarter and kept it in {Excel}", "bought packaging for six plants",
              "brought missing pallets from four per cent to one", "wrote the customs papers for Switzerland", "drove the reach truck when somebody was ill")),
        Half(("Shift Planner", "Shipping Clerk", "Materials Planner", "Fleet Coordinator"),
             ("steel coils", "medicines", "flowers that must arrive on Thursday"),
             ("matched crates of flowers with lorries at the dock", "found a cheaper route through the Alps",
              "kept the tyres and papers of 80 vans in order", "planned parts for the assembly line with {}")),
    ),
    "machines": Trade(
        ("Python", "C++", "Excel", "Project Management", "Statistics", "Testing"),
        ("AutoCAD", "SolidWorks", "welding", "PLC programming", "soldering"), True,
        Half(("Mechanical Engineer", "Maintenance Technician", "Electrician", "Process Engineer"),
             ("packaging lines", "pumps and valves", "machines older than I am"),
             ("kept four bottling lines running", "designed a gripper that no longer drops jars", "wired switch cabinets for ships",
              "measured vibration and evaluated it with {}", "brought standstill from nine hours a month to three", "wrote the maintenance plan")),
        Half(("Plant Technician", "Design Draughtsman", "Lift Fitter", "Hydraulics Engineer"),
             ("lifts in old houses", "paper mills", "cranes in the harbour"),
             ("inspected 140 lifts a year", "drew the frame of a folding crane", "found out with {} why bearings failed in spring",
              "rebuilt a paper machine from 1974 during one summer")),
    ),
    "market": Trade(
        ("Excel", "Data Analysis", "Figma", "CSS", "Tableau", "Project Management"),
        ("copywriting", "Photoshop", "Salesforce", "SEO", "WordPress"), True,
        Half(("Campaign Specialist", "Content Editor", "Key Account Executive", "Brand Assistant"),
             ("outdoor clothing", "books for children", "trade fairs"),
             ("wrote the catalogue of the winter season", "planned stands at six trade fairs", "won back customers who had left in spring",
              "showed with {} which mailings nobody opened", "spoke with thirty bookshops a week", "chose pictures and argued for them")),
        Half(("Communications Officer", "Community Editor", "Sales Representative", "Event Planner"),
             ("regional theatre", "solar roofs", "coffee from small farms"),
             ("sold solar roofs in two valleys", "wrote the speech for the opening of a bridge", "brought 900 guests to a town festival",
              "measured with {} what a poster is worth")),
    ),
    "kitchen": Trade(
        ("Excel", "Project Management"),
        ("HACCP", "menu planning", "wine knowledge", "pastry", "stock keeping"), False,
        Half(("Sous Chef", "Hotel Receptionist", "Pastry Cook", "Restaurant Supervisor"),
             ("hotel kitchens", "canteens for four hundred people", "guests who come back"),
             ("cooked 250 lunches a day", "wrote the menu for each week and its costs in {Excel}", "received guests in three languages on late shifts",
              "ordered from small farms and kept within the budget", "threw away a third less food than the year before")),
        Half(("Banqueting Cook", "Night Porter", "Head Baker", "Cafe Supervisor"),
             ("ship kitchens", "wedding cakes", "a mountain hut"),
             ("baked for six shops from two in the morning", "took the night desk of a hotel with 90 rooms",
              "served banquets for the town hall", "kept the allergen list in {Excel}")),
    ),
    "school": Trade(
        ("Excel", "Statistics", "Data Analysis", "Python", "Project Management"),
        ("moderation", "curriculum design", "Moodle", "first aid", "choir conducting"), False,
        Half(("Mathematics Teacher", "Kindergarten Teacher", "Course Instructor", "Librarian"),
             ("grown-ups who return to school", "children with two mother tongues", "reading for beginners"),
             ("taught classes of 26 pupils", "wrote the exercises that the whole school now uses", "organised the exchange with Turin",
              "kept the marks in {Excel}", "gave evening courses for {}", "talked with parents in difficult times")),
        Half(("Physics Teacher", "Special Needs Teacher", "Adult Education Tutor", "Archivist"),
             ("pupils who had given up", "a town archive", "workshops for grandparents"),
             ("ran the robotics afternoon with {}", "put the letters of a shipping company in order", "set exams for four schools",
              "took forty children to the sea each June")),
    ),
    "laboratory": Trade(
        ("R", "Statistics", "Excel", "Python", "Data Analysis", "SQL"),
        ("PCR", "HPLC", "cell culture", "GMP", "microscopy"), True,
        Half(("Laboratory Technician", "Research Chemist", "Biologist", "Clinical Study Assistant"),
             ("water samples", "vaccines", "yeast that works overnight"),
             ("measured eighty water samples a day", "evaluated trials with {}", "kept the freezers and their lists",
              "wrote the operating procedure for the spectrometer", "showed new colleagues how to pipette without errors", "found the cause of a contaminated batch")),
        Half(("Analytical Chemist", "Microbiologist", "Quality Laboratory Assistant"),
             ("cheese and what grows on it", "air in tunnels", "medicine for animals"),
             ("took samples in nine dairies", "repeated a famous experiment and failed twice", "wrote the curve fitting in {}",
              "answered the inspectors of two authorities")),
    ),
}  # fmt: skip
