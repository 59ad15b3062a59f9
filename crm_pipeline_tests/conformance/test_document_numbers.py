"""Which numbers a document may carry on which date, and which number it gets without one (ODOO_FACTS 8)."""

from __future__ import annotations

from datetime import date

import pytest

from crm_pipeline.odoo.destination import QUIET, Destination
from crm_pipeline.odoo.errors import DataError
from crm_pipeline.odoo.numbering import number_fits, read_number
from crm_pipeline_tests.conformance.documents import Documents, documents

__all__ = ["documents"]

DAY = "2020-03-04"
NUMBERS = [
    "LF-0001", "A/77", "12345", "X", "20190001", "20200001", "2020/0005", "2019-0005", "INV2019-12", "INV-12-2019-1",
    "L-19-4", "L-20-4", "INV-20-5", "2019-2020/7", "2020-2021/7", "R/2020/13/2", "R/2020/02/2", "R/2020/03/2",
    "123456789012", "99999999999999999999", "2020", "2020-", "2020/", "19/", "20/x", "é-2019-1", "Rechnung №5 2020-1",
    "A 2020 7", "A 2019 7", "7a", "2019a", "2020a", "00-03", "20-21/5", "19-20/5", "2019-20/5", "202003/1", "202004/1",
    "X202003-", "2020-03-04", "2020-02-04", "2020.3.4", "03/2020/5", "2019.03.1.x", "1", "0", "INV/19/03/5",
    "INV/20/03/5", "INV/20/04/5", "A2020B03C9", "20-03", "3-20", "13-20-1", "20-21/03/1", "2019-2020/03/1",
    "5/2020-2021/03/1", "2121/1", "2220/1", "1820/1", "0/1/2", "A-2020-B", "-", "LF 01 20", "LF/20 a", " 2019/1", "2019/1 ",
    "#19#", "٢٠٢٠/١",
]  # fmt: skip


def one_line(documents: Documents, name: str, *head: object) -> list[object]:
    return [
        f"{documents.unique}.{name}",
        *head,
        f"{documents.unique}.{name}_1",
        str(documents.product),
        "line",
        "1",
        "",
    ]


FIELDS = [
    "id", "move_type", "journal_id/.id", "partner_id/.id", "invoice_date", "name", "invoice_line_ids/id",
    "invoice_line_ids/product_id/.id", "invoice_line_ids/name", "invoice_line_ids/price_unit", "invoice_line_ids/tax_ids/.id",
]  # fmt: skip


@pytest.mark.parametrize("busy", [False, True], ids=["alone", "after others"])
def test_numbers_that_speak_of_another_date_are_refused(
    documents: Documents, destination: Destination, *, busy: bool
) -> None:
    """Every number is kept on the draft; the destination's own version refuses it exactly when it is read so."""
    if busy:
        documents.posted(name="ZZ-0001", invoice_date=DAY)
    head = ("out_invoice", str(documents.journal), str(documents.partner), DAY)
    result = documents.load(
        "account.move", FIELDS, *(one_line(documents, str(n), *head, name) for n, name in enumerate(NUMBERS))
    )
    assert result.ids is not None, result.messages
    wrong: dict[str, object] = {}
    refusals: list[str] = []
    for key, number in zip(result.ids, NUMBERS, strict=True):
        assert documents.read("account.move", key, "name", "state") == {"name": number, "state": "draft"}
        try:
            documents.call("account.move", "action_post", key)
            accepted = True
        except DataError as error:
            accepted, refusals = False, [*refusals, error.message]
        fits = read_number(number, range_with_month=documents.version != "17.0").fits(date(2020, 3, 4))
        state = documents.read("account.move", key, "name", "state")
        if accepted != fits or state != {"name": number, "state": "posted" if fits else "draft"}:
            wrong[number] = (accepted, fits, state)
        assert not number_fits(number, date(2020, 3, 4)) or accepted, number
    assert wrong == {}
    words = "doesn't match" if documents.version == "17.0" else "isn't aligned"
    assert all("03/04/2020" in refusal and words in refusal for refusal in refusals)


def test_before_1970_nothing_is_checked(documents: Documents) -> None:
    key = documents.posted(name="1999-0001", invoice_date="1970-01-01")
    assert documents.read("account.move", key, "name", "state") == {"name": "1999-0001", "state": "posted"}


def test_the_date_of_a_posted_document_stays_that_of_its_number(documents: Documents, destination: Destination) -> None:
    key = documents.posted(name="R/2020/1", invoice_date=DAY)
    with pytest.raises(DataError):
        destination.write("account.move", [key], {"name": "R/2019/1"}, context=QUIET)
    destination.write("account.move", [key], {"name": "R/2020/2"}, context=QUIET)
    assert documents.read("account.move", key, "name") == {"name": "R/2020/2"}


def test_a_number_is_unique_among_the_posted_of_its_journal(documents: Documents) -> None:
    documents.posted(name="D-1")
    second = documents.invoice(name="D-1")
    assert documents.read("account.move", second, "name", "state") == {"name": "D-1", "state": "draft"}
    assert "Another entry with the same name already exists" in documents.refused("account.move", "action_post", second)
    assert documents.read("account.move", second, "state") == {"state": "draft"}
    pair = [documents.invoice(name="D-2") for _ in range(2)]
    assert "Another entry with the same name already exists" in documents.refused("account.move", "action_post", *pair)
    elsewhere = documents.odoo.new("account.journal", name=documents.unique, type="sale", code=documents.unique[3:8])
    documents.posted(name="D-1", journal_id=elsewhere)


def test_the_number_of_a_cancelled_document_may_be_used_again(documents: Documents) -> None:
    key = documents.posted(name="D-1")
    documents.call("account.move", "button_cancel", key)
    assert documents.read("account.move", documents.posted(name="D-1"), "state") == {"state": "posted"}


def test_a_document_without_number_gets_the_journals_next(documents: Documents) -> None:
    code = documents.unique[-5:]
    first, second = documents.invoice(invoice_date=DAY), documents.invoice(invoice_date="2020-05-04")
    drafts = [documents.read("account.move", key, "name")["name"] for key in (first, second)]
    assert drafts == ([f"{code}/2020/00001", "/"] if documents.version == "17.0" else [False, False])
    documents.call("account.move", "action_post", first, second)
    posted = [documents.read("account.move", key, "name")["name"] for key in (first, second)]
    assert posted == [f"{code}/2020/00001", f"{code}/2020/00002"]
    later = documents.posted(invoice_date="2021-01-01")
    assert documents.read("account.move", later, "name", "payment_reference") == {
        "name": f"{code}/2021/00001", "payment_reference": f"{code}/2021/00001",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("last", "after"),
    [
        ("LF-0041", "LF-0042"),
        ("77", "78"),
        ("R/2020/009", "R/2020/010"),
        ("2020/03/99", "2020/03/100"),
        ("LF7x", "LF8x"),
    ],
)
def test_numbering_goes_on_after_the_last_number(documents: Documents, last: str, after: str) -> None:
    documents.posted(name=last, invoice_date=DAY)
    assert documents.read("account.move", documents.posted(invoice_date=DAY), "name") == {"name": after}


def test_a_new_year_or_month_begins_at_one(documents: Documents) -> None:
    documents.posted(name="R/2020/03/017", invoice_date=DAY)
    assert documents.read("account.move", documents.posted(invoice_date="2020-04-01"), "name") == {
        "name": "R/2020/04/001"
    }
    assert documents.read("account.move", documents.posted(invoice_date="2021-12-01"), "name") == {
        "name": "R/2021/12/001"
    }


def test_credit_notes_are_numbered_on_their_own_where_the_journal_says_so(
    documents: Documents, destination: Destination
) -> None:
    code = documents.unique[3:8]
    own = documents.odoo.new("account.journal", name=documents.unique, type="sale", code=code)
    (journal,) = destination.search_read("account.journal", [["id", "=", own]], ["refund_sequence"])
    assert journal["refund_sequence"] is True
    documents.posted(journal_id=own)
    refund = documents.posted(journal_id=own, move_type="out_refund")
    assert documents.read("account.move", refund, "name") == {"name": f"R{code}/2020/00001"}
    documents.posted(name="LF-1")
    refund = documents.posted(move_type="out_refund")
    assert documents.read("account.move", refund, "name") == {"name": "LF-2"}
