"""What is taught and how it is graded: subjects with their outcomes, calculation methods, mastery scales."""

SUBJECTS = (
    (
        "Biology",
        (
            "Explain how cells work",
            "Plan a fair experiment",
            "Handle equipment safely",
            "Read a data table",
            "Describe an ecosystem",
        ),
    ),
    (
        "Mathematics",
        ("Compare fractions", "Solve linear equations", "Reason with proportions", "Prove a claim", "Read a graph"),
    ),
    ("English", ("Find the main idea", "Cite evidence", "Write an argument", "Edit for clarity", "Speak to an audience")),
    ("History", ("Weigh a source", "Place events in time", "Explain causes", "Compare societies", "Argue from documents")),
    ("Chemistry", ("Balance an equation", "Predict a reaction", "Measure precisely", "Keep a lab book", "Explain bonding")),
    ("Music", ("Read notation", "Keep a rhythm", "Listen critically", "Perform together", "Compose a phrase")),
)
METHODS: tuple[tuple[str, int | None], ...] = (
    ("decaying_average", 65),
    ("highest", None),
    ("latest", None),
    ("average", None),
    ("n_mastery", 3),
    ("weighted_average", 80),
    ("standard_decaying_average", 65),
)
DEFAULT_SCALE = (
    ("Exceeds Mastery", 4.0, "0374B5"),
    ("Mastery", 3.0, "0B874B"),
    ("Near Mastery", 2.0, "FAB901"),
    ("Below Mastery", 1.0, "D97900"),
    ("No Evidence", 0.0, "E0061F"),
)
NEW_SCALE = (
    ("Advanced", 10.0, "0374B5"),
    ("Proficient", 7.0, "0B874B"),
    ("Developing", 4.0, "FAB901"),
    ("Beginning", 0.0, "E0061F"),
)
COURSE_SCALE = (("Yes", 1.0, "0B874B"), ("Not yet", 0.0, "E0061F"))
