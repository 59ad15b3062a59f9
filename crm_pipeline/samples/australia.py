"""Words of an invented Australian world."""

from __future__ import annotations

FIRST_NAMES = ("Charlotte", "Oliver", "Mia", "Noah", "Isla", "Jack", "Ruby", "Lachlan", "Zoë", "Nguyen", "Priya", "Siobhán",
               "Aroha", "Dimitri", "Chloé", "Tane")  # fmt: skip
LAST_NAMES = ("Nguyen", "O'Brien", "Walker", "Papadopoulos", "Singh", "Müller", "Thompson", "Tjapaltjarri", "D'Angelo", "Chen",
              "McKenzie", "Rossi", "Van der Berg", "Kovač", "Hughes", "Wong")  # fmt: skip
COMPANY_FIRST = ("Bluegum", "Coolabah", "Harbourside", "Ironbark", "Jacaranda", "Kookaburra", "Lorikeet", "Moreton", "Nullarbor",
                 "Outback", "Paperbark", "Quokka", "Riverina", "Southern Cross", "Tasman", "Wattle")  # fmt: skip
#: Second word and industry.
COMPANY_SECOND = (("Electrical", "Electrical"), ("Plumbing", "Building Services"), ("Joinery", "Manufacturing"),
                  ("Logistics", "Transport"), ("Dental", "Healthcare"), ("Vineyards", "Agriculture"), ("Fitness", "Recreation"),
                  ("Security", "Security"), ("Air & Heating", "Building Services"))  # fmt: skip
#: Suburb, state, postcode, area code.
PLACES = (("Parramatta", "NSW", "2150", "02"), ("Fitzroy", "VIC", "3065", "03"), ("Fortitude Valley", "QLD", "4006", "07"),
          ("Glenelg", "SA", "5045", "08"), ("Fremantle", "WA", "6160", "08"), ("Darwin City", "NT", "0800", "08"),
          ("Hobart", "TAS", "7000", "03"), ("Braddon", "ACT", "2612", "02"), ("Alice Springs", "NT", "0870", "08"))  # fmt: skip
STREETS = ("George Street", "Pacific Highway", "Smith St", "Beaufort Street", "The Esplanade", "Jetty Road")
#: Name, mailbox, role, active.
USERS = (("Hannah Whitlam", "hannah.whitlam", "Owner", True), ("Marcus Lee", "marcus.lee", "Manager", True),
         ("Siobhán Doyle", "siobhan.doyle", "Standard", True), ("Raj Patel", "raj.patel", "Standard", True),
         ("Ella Novak", "ella.novak", "Standard", True), ("Greg Barnes", "greg.barnes", "Standard", False))  # fmt: skip
USER_DOMAIN = "sparkright-demo.example"
#: Pipeline, stage, probability, outcome.
STAGES = (("Sales", "Lead-in", 10, "Open"), ("Sales", "Qualified", 25, "Open"), ("Sales", "Quoting", 50, "Open"),
          ("Sales", "Negotiate sale", 75, "Open"), ("Sales", "Closing phase", 90, "Open"), ("Sales", "Won", 100, "Won"),
          ("Sales", "Lost", 0, "Lost"), ("Service Contracts", "Renewal due", 60, "Open"),
          ("Service Contracts", "Renewed", 100, "Won"), ("Service Contracts", "Lapsed", 0, "Lost"))  # fmt: skip
#: Code, name, price in dollars.
PRODUCTS = (("SB-200", "Switchboard 200A", 1450), ("LED-PNL", "LED panel 600x600", 89), ("SRV-CALL", "Service call", 165),
            ("SRV-LAB", "Labour, per hour", 110), ("UPS-1K", "UPS 1 kVA", 720), ("CAB-C6", "Cat6 cable, 305 m", 240))  # fmt: skip
SOURCES = ("Website", "Trade show", "Referral", "Google Ads", "Phone enquiry", None)
TAGS = (None, None, "Key account", "Key account; Maintenance", "Newsletter", "Builder; Sub-contractor")
JOB_TITLES = ("Director", "Site Manager", "Procurement Officer", "Office Manager", "Facilities Manager", None)
SUBJECTS = ("Site visit", "Quote follow-up", "Call back", "Compliance paperwork", "Meter upgrade")
BOARDS, PRIORITIES = ("Support", "Installations"), ("Low", "Medium", "High", "Urgent")
TICKET_STATUSES = ("New", "In Progress", "Waiting on Customer", "Resolved", "Closed")
TICKET_TEXTS = ("RCD trips every morning.", "UPS beeps, battery light is on.", "Please quote for two more outlets – level 3.",
                "No power to the cool room!\nUrgent: stock will spoil.")  # fmt: skip
