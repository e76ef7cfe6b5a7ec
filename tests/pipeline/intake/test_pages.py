"""Pages of HTML and Markdown as blocks, and cut into documents."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.intake.html_pages import html_page
from pipeline.intake.markdown_pages import markdown_page, plain_page
from pipeline.intake.pages import Block, Page, documents_of

WORDS = "The card is blocked within a minute of your call and a new one is sent by post. "


def texts(page: Page) -> list[str]:
    return [block.text for block in page.blocks]


def test_inline_marks_do_not_split_words_and_blocks_do():
    page = html_page("<p>un<b>believ</b>able &amp; <i>x</i>.<br>next</p>tail<div>a<p>b</p>c</div>")
    assert texts(page) == ["unbelievable & x. next", "tail", "a", "b", "c"]


def test_menus_are_left_out_whatever_they_are_called():
    page = html_page(
        f"""<body class="has-sidebar">
        <header><a href=/>Bank</a></header>
        <div class="top-nav"><a href=1>Home</a> <a href=2>Cards</a></div>
        <div><ul>{"".join(f"<li><a href={n}>Link {n}</a></li>" for n in range(30))}</ul></div>
        <div class="sphinxsidebar">Contents</div>
        <div id="cookie-banner">We use cookies.</div>
        <h1>Lost cards<a class="headerlink" href="#lost">¶</a></h1>
        <p>{WORDS}</p><p>See <a href=x>the list of branches</a> for help.</p>
        <script>track()</script><style>p {{}}</style><noscript>no</noscript>
        <div hidden>secret</div><p style="display: none">secret</p>
        <aside>Also read this</aside><form><input value=x><button>Go</button></form>
        <footer>Imprint</footer></body>"""
    )
    assert page.title == "Lost cards"
    assert texts(page) == [WORDS.strip(), "See the list of branches for help."]
    assert page.removed == 9


def test_the_main_part_is_read_where_a_page_names_it():
    page = html_page(
        f"<title>T</title><div>Words around</div><main><h2>A</h2><p>{WORDS}</p></main>"
    )
    assert (page.title, texts(page)) == ("T", ["A", WORDS.strip()])
    assert page.removed == 1


def test_a_heading_that_is_a_link_named_header_is_a_heading():
    page = html_page('<h1>T</h1><h2 id="x"><a class="header" href="#x">Lost</a></h2><p>Call</p>')
    assert page.blocks == [Block("Lost", 2, "x"), Block("Call")]


def test_the_heading_of_a_menu_goes_with_it():
    links = "<ul>" + "<li><a href=x>Go there</a>" * 4 + "</ul>"
    page = html_page(
        f"<h1>T</h1><h2>Contents</h2>{links}<h2>Kept</h2>{links}<p>Text</p><h2>Related</h2>{links}"
    )
    assert texts(page) == ["Kept", "Text"]


def test_the_header_of_an_article_is_part_of_it():
    page = html_page("<article><header><h1>Title</h1><p>Lead</p></header><p>Body</p></article>")
    assert (page.title, texts(page)) == ("Title", ["Lead", "Body"])


def test_tables_and_lists_keep_their_order():
    page = html_page("<table><tr><th>a<th>b<tr><td>1<td>2</table><ol><li>x<li>y</ol><dl><dt>d<dd>e")
    assert texts(page) == ["a b", "1 2", "x", "y", "d", "e"]


def test_the_address_that_a_page_gives_itself_is_kept():
    assert html_page("<link rel=canonical href='https://x.org/a'><p>t").url == "https://x.org/a"


def test_a_page_nested_a_thousand_times_is_read():
    assert texts(html_page("<div>" * 1_000 + "deep" + "</div>" * 1_000 + "end")) == ["deep", "end"]


@given(st.text(alphabet="<>/abcdivpulh1 ='\"&;!-", max_size=200))
def test_no_markup_stops_the_reader(markup):
    assert all(block.text for block in html_page(markup).blocks)
    assert all(block.text for block in markdown_page(markup).blocks)


def test_markdown_becomes_plain_text():
    page = markdown_page(
        "Intro with `code`, [a link](u) and ![a picture](p).\n\n# Title {#own}\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n- x\n- y\n\n> quoted\n\n```py\n# no heading\n```\n\n"
        "<div><p>inside</p></div>\n\n:::note\nbe careful\n:::\n\nSetext\n---\n"
    )
    assert page.title == "Title"
    assert [(block.level, block.text) for block in page.blocks] == [
        (0, "Intro with code, a link and a picture."),
        (0, "a b"),
        (0, "1 2"),
        (0, "x"),
        (0, "y"),
        (0, "quoted"),
        (0, "# no heading"),
        (0, "inside"),
        (0, "be careful"),
        (2, "Setext"),
    ]


def test_front_matter_gives_title_address_and_time():
    for text in (
        "---\ntitle: 'Lost: cards'\ndate: 1970-01-01T00:00:05Z\nurl: /lost\ntags: [a]\n---\nText",
        '+++\ntitle = "Lost: cards"\ndate = 1970-01-01T00:00:05Z\nurl = "/lost"\n+++\nText',
    ):
        page = markdown_page(text)
        assert (page.title, page.url, page.timestamp) == ("Lost: cards", "/lost", 5.0)
        assert texts(page) == ["Text"]


def test_a_rule_is_no_front_matter():
    assert texts(markdown_page("Text\n\n---\n\nmore")) == ["Text", "more"]
    assert texts(markdown_page("---\n\nmore")) == ["more"]


def test_text_without_headings_is_cut_at_its_paragraphs_and_words():
    page = plain_page("\n\n".join(["one two", "three four", "fivesixseveneight nine"]))
    found = list(documents_of(page, "a.txt", 12))
    assert [(each.id, each.text) for each in found] == [
        ("a.txt", "one two"),
        ("a.txt#part-2", "three four"),
        ("a.txt#part-3", "fivesixseven"),
        ("a.txt#part-4", "eight nine"),
    ]


def test_a_section_of_a_word_or_two_joins_the_one_before():
    blocks = [Block("A", 2), Block("a" * 300), Block("B", 2), Block("b"), Block("C", 2)]
    found = list(documents_of(Page([*blocks, Block("c" * 300)], "T"), "x", 400))
    assert [(each.id, each.text) for each in found] == [
        ("x", f"{'a' * 300}\nB\nb"),
        ("x#c", "c" * 300),
    ]


def test_a_section_keeps_its_subsections_as_long_as_it_fits():
    blocks = [Block("A", 2), Block("a" * 10), Block("A1", 3), Block("b" * 10), Block("B", 2)]
    blocks += [Block("c" * 30), Block("B1", 3), Block("d" * 30)]
    found = list(documents_of(Page(blocks, "T"), "x", 40))
    assert [(each.id, each.title, each.text) for each in found] == [
        ("x", "T: A", f"{'a' * 10}\nA1\n{'b' * 10}"),
        ("x#b", "T: B", "c" * 30),
        ("x#b1", "T: B: B1", "d" * 30),
    ]


@given(
    st.lists(st.builds(Block, st.text("ab \n", min_size=1), st.integers(0, 3)), max_size=20),
    st.integers(1, 30),
)
def test_cutting_loses_no_text_and_names_each_part_once(blocks, most):
    found = list(documents_of(Page(blocks), "x", most))
    assert len({each.id for each in found}) == len(found)
    kept = sum("".join(each.text.split()).count("a") for each in found)
    assert kept == sum(block.text.count("a") for block in blocks if not block.level) or any(
        block.level for block in blocks
    )
    assert all(len(each.text) <= most for each in found)
