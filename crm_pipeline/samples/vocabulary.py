"""Words of invented people, companies and texts. None of them is a real person's or customer's."""

from __future__ import annotations

#: First names and last names of one language each (written form, form in an address): eight of each.
NAMES: tuple[tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]], ...] = (
    (
        (("Aarav", "aarav"), ("Priya", "priya"), ("Rohan", "rohan"), ("Ananya", "ananya"), ("Vikram", "vikram"),
         ("Meera", "meera"), ("Arjun", "arjun"), ("Kavya", "kavya")),
        (("Sharma", "sharma"), ("Iyer", "iyer"), ("Patel", "patel"), ("Banerjee", "banerjee"), ("Reddy", "reddy"),
         ("Kulkarni", "kulkarni"), ("Nair", "nair"), ("D'Souza", "dsouza")),
    ),
    (
        (("अर्जुन", "arjun"), ("प्रिया", "priya"), ("राहुल", "rahul"), ("सुनीता", "sunita"), ("विजय", "vijay"), ("मीना", "meena"),
         ("अनिल", "anil"), ("रेखा", "rekha")),
        (("शर्मा", "sharma"), ("वर्मा", "verma"), ("गुप्ता", "gupta"), ("जोशी", "joshi"), ("मिश्रा", "mishra"), ("यादव", "yadav"),
         ("देसाई", "desai"), ("चौधरी", "chaudhary")),
    ),
    (
        (("伟", "wei"), ("芳", "fang"), ("娜", "na"), ("敏", "min"), ("静", "jing"), ("强", "qiang"), ("磊", "lei"), ("洋", "yang")),
        (("王", "wang"), ("李", "li"), ("张", "zhang"), ("刘", "liu"), ("陈", "chen"), ("杨", "yang"), ("黄", "huang"), ("赵", "zhao")),
    ),
    (
        (("Zoë", "zoe"), ("François", "francois"), ("Hélène", "helene"), ("Jérôme", "jerome"), ("Maëlle", "maelle"),
         ("Benoît", "benoit"), ("Chloé", "chloe"), ("René", "rene")),
        (("Lefèvre", "lefevre"), ("Dubois", "dubois"), ("Gauthier", "gauthier"), ("Béranger", "beranger"),
         ("Noël", "noel"), ("Marchand", "marchand"), ("Çelik", "celik"), ("Roux", "roux")),
    ),
    (
        (("Jürgen", "juergen"), ("Anke", "anke"), ("Björn", "bjoern"), ("Käthe", "kaethe"), ("Lukas", "lukas"),
         ("Sören", "soeren"), ("Heike", "heike"), ("Götz", "goetz")),
        (("Müller", "mueller"), ("Weiß", "weiss"), ("Schäfer", "schaefer"), ("Krüger", "krueger"), ("Vogel", "vogel"),
         ("Brandt", "brandt"), ("Köhler", "koehler"), ("von der Heide", "vonderheide")),
    ),
    (
        (("José", "jose"), ("Lucía", "lucia"), ("Íñigo", "inigo"), ("Begoña", "begona"), ("Martín", "martin"),
         ("Inés", "ines"), ("Álvaro", "alvaro"), ("Sofía", "sofia")),
        (("García", "garcia"), ("Núñez", "nunez"), ("Ibáñez", "ibanez"), ("Muñoz", "munoz"), ("Peña", "pena"),
         ("Ortega", "ortega"), ("Vázquez", "vazquez"), ("Ríos", "rios")),
    ),
    (
        (("Oliver", "oliver"), ("Amelia", "amelia"), ("Jack", "jack"), ("Isla", "isla"), ("Harry", "harry"),
         ("Freya", "freya"), ("Callum", "callum"), ("Siobhán", "siobhan")),
        (("O'Brien", "obrien"), ("Smythe", "smythe"), ("MacLeod", "macleod"), ("Harper", "harper"), ("Whitlam", "whitlam"),
         ("Fitzgerald", "fitzgerald"), ("Ashworth", "ashworth"), ("Penrose", "penrose")),
    ),
    (
        (("Łukasz", "lukasz"), ("Zofia", "zofia"), ("Jiří", "jiri"), ("Šárka", "sarka"), ("Øystein", "oystein"),
         ("Åsa", "asa"), ("Þóra", "thora"), ("Ștefan", "stefan")),
        (("Wiśniewski", "wisniewski"), ("Dvořák", "dvorak"), ("Bjørnstad", "bjornstad"), ("Öberg", "oberg"),
         ("Popescu", "popescu"), ("Novotná", "novotna"), ("Żak", "zak"), ("Kovač", "kovac")),
    ),
)  # fmt: skip

COMPANY_FIRST = (
    "Aurora", "Blue Banyan", "Cobalt", "Dovetail", "Ember", "Fernwood", "Garuda", "Harbour", "Indigo", "Juniper", "Kestrel",
    "Lotus", "Meridian", "Nimbus", "Orchard", "Pinnacle", "Quartz", "Redstone", "Saffron", "Tamarind", "Umbra", "Vantage",
    "Willow", "Zephyr", "Crème & Co", "Señal", "Ångström", "Fjord", "Monsoon", "Sahyadri",
)  # fmt: skip
COMPANY_SECOND = (
    ("Logistics", "Transport"), ("Foods", "Food & Beverage"), ("Analytics", "Software"), ("Textiles", "Textiles"),
    ("Health", "Healthcare"), ("Robotics", "Manufacturing"), ("Estates", "Real Estate"), ("Learning", "Education"),
    ("Solar", "Energy"), ("Studios", "Media"), ("Pharma", "Pharmaceuticals"), ("Capital", "Financial Services"),
)  # fmt: skip

#: City, state, postcode, country, telephone prefix, end of domains, legal form.
PLACES = (
    ("Pune", "Maharashtra", "411001", "India", "+91 20", "in", "Pvt. Ltd."),
    ("Bengaluru", "Karnataka", "560038", "India", "+91 80", "co.in", "Private Limited"),
    ("New Delhi", "Delhi", "110001", "India", "+91 11", "com", "LLP"),
    ("London", "", "EC2A 4NE", "United Kingdom", "+44 20", "co.uk", "Ltd"),
    ("Sydney", "NSW", "2000", "Australia", "+61 2", "com.au", "Pty Ltd"),
    ("München", "Bayern", "80331", "Germany", "+49 89", "de", "GmbH"),
    ("Lyon", "", "69002", "France", "+33 4", "fr", "S.A.S."),
    ("Austin", "Texas", "78701", "United States", "+1 512", "com", "Inc."),
    ("Singapore", "", "048616", "Singapore", "+65", "sg", "Pte. Ltd."),
    ("Madrid", "Madrid", "28013", "Spain", "+34 91", "es", "S.L."),
)
STREETS = (
    "MG Road",
    "Station Street",
    "Park Lane",
    "Rue de la Paix",
    "Hauptstraße",
    "Calle Mayor",
    "Old Mill Rd",
    "5th Avenue",
)
FREE_MAIL = ("gmail.com", "outlook.com", "yahoo.co.in", "web.de", "icloud.com")
JOB_TITLES = (
    "Managing Director", "Head of Procurement", "Operations Manager", "CTO", "Office Manager", "Geschäftsführer",
    "Directrice des achats", "Finance Lead", None,
)  # fmt: skip
LEAD_SOURCES = ("Website", "Referral", "Trade Fair", "Cold Call", "IndiaMART", "LinkedIn", "Partner", None)
TAGS = (None, None, "hot", "hot;priority", "newsletter", "expo-2025;follow-up", "Enterprise", "partner; reseller")
LEAD_TEXTS = (
    None,
    "Asked for a call back next week.",
    "Met at the trade fair. Interested in the annual plan, wants references from the same industry.",
    "Budget approved, decision expected by quarter end.\nPrefers WhatsApp over mail.",
    'Said: "send me the price list, then we\'ll talk".',
    "Compares us with two other vendors; price is not the main point, support is.",
)
STATUSES = (
    "New",
    "New",
    "Contacted",
    "Contacted",
    "Qualified",
    "Qualified",
    "Qualified",
    "Unqualified",
    "Converted",
    "Converted",
)
LOST_REASONS = ("Price", "Competitor", "No budget", "No reply", "Timing")
DEAL_TEXTS = (
    None,
    "Annual contract, billed quarterly.",
    "Pilot for one site first; roll-out after review.",
    "Renewal with 10 % more seats.",
)
SUBJECTS = {
    "Call": ("Discovery call", "Follow-up call", "Price negotiation", "No answer, left a message"),
    "Email": ("Re: Quotation", "Your enquiry", "Documents for review", "Fwd: Terms & conditions"),
    "Meeting": ("Product demo", "Kick-off meeting", "Quarterly review", "Site visit"),
    "Task": ("Send proposal", "Prepare contract", "Check credit limit", "Call back"),
}
BODIES = (
    "Spoke about requirements and next steps.",
    "Hello,\n\nthank you for the talk. As discussed, please find the figures below:\n- 25 seats\n- 12 months\n\nBest regards",
    "They want the price < 10,000 & delivery within 4 weeks.",
    "Agenda: 1) scope; 2) timeline; 3) price.\nResult: offer until Friday.",
    None,
    "Café visit planned, “informal” round with the team – no slides.",
)
NOTES = (
    "<p>Decision maker is the <b>CFO</b>; budget is fixed.</p>",
    "<div>Next steps:<ul><li>send contract</li><li>call on Monday</li></ul></div>",
    "Plain text note without any markup",
    '<p>See <a href="https://example.com/spec?id=7&amp;v=2">the specification</a> &ndash; version 2.</p>',
    "<p>Bonjour, voici les détails&nbsp;: délai de 30 jours.</p>",
    "<p onclick=\"steal()\">Wants a demo<script>alert('x')</script> next week.</p>",
    '<p>Logo: <img src="x" onerror="alert(1)"> <a href="javascript:alert(2)">click</a></p>',
    '<style>p {color: red}</style><p style="position:fixed">Big order</p><iframe src="https://evil.example"></iframe>',
    "<p>会议纪要：客户同意价格。</p><p>अगली बैठक सोमवार को।</p>",
    "<table><tr><td>Seats</td><td>25</td></tr></table><br>Signed off & agreed > 3 times",
)
#: SKU, name, price in hundredths.
PRODUCTS = (
    ("GTX-100", "GTX Pro", 129900),
    ("GTX-200", "GTX Plus", 249950),
    ("SRV-ONB", "Onboarding", 80000),
    ("SRV-SUP", "Support, per year", 150000),
    ("LIC-STD", "Licence Standard", 4900),
    ("LIC-ENT", "Licence Enterprise", 9900),
    ("TRN-DAY", "Training day", 110050),
    ("HW-SCAN", "Scanner, handheld", 34999),
)
TERMS = (
    None,
    "Payment within 30 days.",
    "50 % in advance, the rest on delivery.\nPrices exclude tax.",
    "Valid for 30 days",
)
