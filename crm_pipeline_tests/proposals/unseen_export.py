"""The export of a CRM that does not exist: headings, dates and links as a small vendor might write them."""

from __future__ import annotations

from pathlib import Path

import xlsxwriter

FILES = {
    "Organisations.csv": """Org ID,Organisation,Street,Town,Postcode,Country,Phone,Web,Sector,Responsible,Labels,Created on
O-1,Huber Backwaren GmbH,Hauptstraße 3,Graz,8010,Austria,+43 316 123456,www.huber-backwaren.example,Food,anna.gruber@nova.example,key; bakery,12/01/2021
O-2,Schlosserei Söhne,Am Kai 17,Linz,4020,Austria,+43 732 55512,schlosserei.example,Metal,ben.maier@nova.example,,25/03/2022
O-3,Alpen Logistik AG,Bahnhofplatz 1,Zürich,8001,Switzerland,+41 44 5550101,alpenlogistik.example,Transport,anna.gruber@nova.example,key,30/06/2022
""",
    "People.csv": """Person ID,Given name,Surname,Position,E-mail,Direct line,Cell,Org ID,Responsible,Birthday,Remarks
P-1,Eva,Huber,Owner,eva@huber-backwaren.example,+43 316 123457,+43 664 1112223,O-1,anna.gruber@nova.example,14/05/1970,Prefers mornings
P-2,Karl,Sohn,Purchasing,karl@schlosserei.example,,+43 664 9998887,O-2,ben.maier@nova.example,,
P-3,Nina,Frei,CFO,nina.frei@alpenlogistik.example,+41 44 5550102,,O-3,anna.gruber@nova.example,01/12/1982,"Met at the fair
wants references"
P-4,Tom,Allein,,tom@allein.example,,+43 660 1234567,,ben.maier@nova.example,,
""",
    "Opportunities.csv": """Opportunity ID,Opportunity,Org ID,Person ID,Phase,Worth,Currency,Chance %,Expected close,Closed on,Reason lost,Origin,Responsible,Details,Created on
D-1,Ovens 2026,O-1,P-1,Proposal,"12,500.00",EUR,50,28/02/2026,,,Fair,anna.gruber@nova.example,Two ovens & service,05/01/2026 09:30
D-2,Railings,O-2,P-2,Closed Won,"4,300.50",EUR,100,15/11/2025,20/11/2025 16:00,,Website,ben.maier@nova.example,,01/09/2025 10:00
D-3,Truck fleet,O-3,P-3,Closed Lost,"98,000.00",EUR,0,30/09/2025,02/10/2025 08:15,Too expensive,Referral,anna.gruber@nova.example,Lost to a competitor,11/04/2025 14:45
D-4,Small oven,O-1,,Qualified,"1,900.00",EUR,20,31/03/2026,,,Website,ben.maier@nova.example,,20/01/2026 11:00
""",
    "Notes.csv": """Note ID,Related type,Related ID,Text,Author,Written at
N-1,Organisation,O-1,"Family business, 3 shops",anna.gruber@nova.example,13/01/2021 08:00
N-2,Opportunity,D-3,Price was 20 % above <market>,anna.gruber@nova.example,02/10/2025 08:20
N-3,Person,P-2,Call after 4 pm,ben.maier@nova.example,26/03/2022 12:30
N-4,Person,P-99,Nobody knows whose,ben.maier@nova.example,26/03/2022 12:31
""",
}
ACTIVITIES = [
    ["Activity ID", "Kind", "Subject", "Due on", "Done", "Assigned to", "Opportunity ID", "Remarks"],
    ["A-1", "Call", "Ring about ovens", "10/02/2026", "No", "anna.gruber@nova.example", "D-1", "ask for budget"],
    ["A-2", "Meeting", "Handover", "21/11/2025", "Yes", "ben.maier@nova.example", "D-2", "all fine"],
    ["A-3", "E-mail", "Send brochure", "05/02/2026", "No", "ben.maier@nova.example", "D-4", ""],
]
OWNERS = "source_email,decision,odoo_login\nanna.gruber@nova.example,create_archived,\nben.maier@nova.example,map,admin\n"


def write_export(folder: Path) -> Path:
    """Write four CSV files and a workbook whose header stands below a title."""
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    with xlsxwriter.Workbook(folder / "Activities.xlsx") as book:
        sheet = book.add_worksheet("All activities")
        sheet.write_string(0, 0, "Activities of all users")
        for number, row in enumerate(ACTIVITIES, 2):
            sheet.write_row(number, 0, row)
    return folder
