// Structure checks by hand: tables that contradict themselves, and tables that only look so.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "eval/extraction/number_text.h"
#include "eval/extraction/structure_checks.h"
#include "eval/table/gfm_parser.h"

namespace nvlm::eval {
namespace {

using Places = std::vector<std::pair<int64_t, int64_t>>;

/// A table from rows of cells divided by '|'.
Table rows_table(const std::vector<std::string>& rows) {
  std::string text;
  for (size_t i = 0; i < rows.size(); ++i) {
    text += "|" + rows[i] + "|\n";
    if (i > 0) continue;
    text += "|";
    for (const char c : "|" + rows[0]) {
      if (c == '|') text += "-|";
    }
    text += "\n";
  }
  return parse_gfm_table(text).value().table;
}

double value_of(const char* text) {
  const auto number = parse_number(text);
  return number ? number->value : -999;
}

}  // namespace

TEST_CASE("numbers as people write them") {
  CHECK(value_of("12") == 12);
  CHECK(value_of(" -3.50 ") == -3.5);
  CHECK(value_of("\xE2\x88\x92"
                 "7") == -7);  // U+2212
  CHECK(value_of("+4") == 4);
  CHECK(value_of("(1,250)") == -1250);
  CHECK(value_of("1,234,567.8") == 1234567.8);
  CHECK(value_of("1.234.567,8") == 1234567.8);
  CHECK(value_of("1 234 567") == 1234567);
  CHECK(value_of("1'234.5") == 1234.5);
  CHECK(value_of("12,5") == 12.5);
  CHECK(value_of("1,234") == 1234);
  CHECK(value_of("0,123") == 0.123);
  CHECK(value_of("1.234") == 1.234);
  CHECK(value_of(".5") == 0.5);
  CHECK(value_of("$5") == 5);
  CHECK(value_of("-$5") == -5);
  CHECK(value_of("$ -5") == -5);
  CHECK(value_of("7 €") == 7);
  CHECK(value_of("USD 12") == 12);
  CHECK(value_of("12 kg") == 12);
  CHECK(value_of("21°C") == 21);
  CHECK(value_of("45%") == 45);
  CHECK(value_of("45*") == 45);
  CHECK(value_of("< 0.05") == 0.05);
  CHECK(value_of("~100") == 100);
  CHECK(value_of("1.2e-3") == doctest::Approx(0.0012));
  CHECK(parse_number("12.50")->decimals == 2);
  CHECK(parse_number("1e3")->decimals == -3);
  for (const char* text :
       {"", "abc", "1O5", "12:30", "12.03.2024", "3-5", "A12", "1,23,4", "--", "1 2", "12..5", "()",
        "$", "-", "1.5.", "12 years", "1 234.5 6", "1O", "12l"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number(text).has_value());
  }
  for (const char* text : {"", " ", "-", "n/a", "N/A", "...", "\xE2\x80\x94", "?"}) {
    CAPTURE(text);
    CHECK(is_no_value(text));
  }
  CHECK_FALSE(is_no_value("0"));
  CHECK_FALSE(is_no_value("none of these"));
}

TEST_CASE("rectangular: positions without a cell, and repaired answers") {
  Table table = rows_table({"a|b", "1|2"});
  CHECK(check_rectangular(table, false).result == CheckResult::kPass);
  CHECK(check_rectangular(table, true).result == CheckResult::kFail);
  table.cells.pop_back();
  const StructureCheck check = check_rectangular(table, false);
  CHECK(check.result == CheckResult::kFail);
  CHECK(check.cells == Places{{1, 1}});
  CHECK(check.message == "1 positions have no cell");
}

TEST_CASE("repeated rows: next to each other, and loops at the end") {
  const auto check = [](const std::vector<std::string>& rows) {
    return check_repeated_rows(rows_table(rows));
  };
  CHECK(check({"a|b", "x|1", "y|1"}).result == CheckResult::kPass);
  const StructureCheck repeated = check({"a|b", "x|1", "x|1", "y|2"});
  CHECK(repeated.result == CheckResult::kFail);
  CHECK(repeated.cells == Places{{2, 0}});
  CHECK(repeated.message == "1 row repeats the one above, the first at row 3");
  CHECK(check({"a|b", "x|1", "y|2", "x|1", "y|2"}).message ==
        "the last 2 rows repeat those before them");
  CHECK(check({"a|b", "x|1", "y|2", "x|1", "y|2", "z|3"}).result == CheckResult::kPass);
  CHECK(check({"a|b", "|", "|", "x|"}).result == CheckResult::kPass);      // blank rows
  CHECK(check({"a|b", "North|", "North|"}).result == CheckResult::kPass);  // one text is too little
  CHECK(check({"a", "x", "x"}).result == CheckResult::kFail);
  CHECK(check({"a|b"}).result == CheckResult::kNotApplicable);
}

TEST_CASE("columns of numbers: a value that is none") {
  const StructureCheck bad = check_numbers(rows_table({"name|n", "a|12", "b|1O", "c|7", "d|3"}));
  CHECK(bad.result == CheckResult::kFail);
  CHECK(bad.cells == Places{{2, 1}});
  CHECK(bad.message == "'1O' at row 3, column 2 is no number, as its column has");
  CHECK(check_numbers(rows_table({"name|n", "a|12", "b|-", "c|7", "d|n/a", "Total|19"})).result ==
        CheckResult::kPass);
  CHECK(check_numbers(rows_table({"no|n", "1|12", "2|4", "3|7", "Total|23"})).result ==
        CheckResult::kPass);  // the label of the total is no fault
  CHECK(check_numbers(rows_table({"name|code", "a|A1", "b|12", "c|C3", "d|14"})).result ==
        CheckResult::kNotApplicable);  // half of them
  CHECK(check_numbers(rows_table({"name|n", "a|12", "b|2 million", "c|3-5", "d|7", "e|(X)", "f|9",
                                  "Projected|", "Name|Estimate", "g|1"}))
            .result == CheckResult::kPass);  // remarks, ranges, headings within
  CHECK(check_numbers(rows_table({"|n", "|kg", "a|1", "b|2", "c|3"})).result ==
        CheckResult::kPass);  // a second header row
}

TEST_CASE("totals: right, wrong, rounded, nested, and columns that do not add up") {
  const auto check = [](const std::vector<std::string>& rows) {
    return check_totals(rows_table(rows));
  };
  CHECK(check({"a|n|m", "x|1|10", "y|2|20", "Total|3|30"}).result == CheckResult::kPass);
  const StructureCheck wrong = check({"a|n|m", "x|1|10", "y|2|20", "Total|3|31"});
  CHECK(wrong.result == CheckResult::kFail);
  CHECK(wrong.cells == Places{{3, 2}});
  CHECK(wrong.message == "the total at row 4, column 3 is 31, but the column adds up to 30");
  CHECK(check({"a|n", "x|1", "y|2"}).result == CheckResult::kNotApplicable);
  CHECK(check({"a|n", "x|1", "Total|5"}).result == CheckResult::kNotApplicable);  // one term
  // 0.33 + 0.33 + 0.33 shown as 1.00: off by one unit, within rounding of four values
  CHECK(check({"a|n", "x|0.33", "y|0.33", "z|0.33", "Sum|1.00"}).result == CheckResult::kPass);
  CHECK(check({"a|n", "x|0.33", "y|0.33", "z|0.33", "Sum|1.02"}).result == CheckResult::kFail);
  // subtotals, then a grand total of either kind
  CHECK(check({"a|n", "x|1", "y|2", "Subtotal|3", "u|4", "v|5", "Subtotal|9", "Total|12"}).result ==
        CheckResult::kPass);
  CHECK(check({"a|n", "x|60", "y|40", "Subtotal|100", "VAT|19", "Total|119"}).result ==
        CheckResult::kPass);
  CHECK(check({"a|n", "x|60", "y|40", "Subtotal|100", "VAT|19", "Total|121"}).result ==
        CheckResult::kFail);
  CHECK(check({"a|average|n", "x|5|1", "y|7|2", "Gesamt|6|3"}).result == CheckResult::kPass);
  CHECK(check({"a|n", "x|5%", "y|7%", "Total|100%"}).result == CheckResult::kNotApplicable);
  CHECK(check({"a|n", "x|1,000", "y|2,500", "Gesamt|3,500"}).result == CheckResult::kPass);
  CHECK(check({"a|n", "x|1", "y|2", "Total|50000"}).result == CheckResult::kNotApplicable);
  CHECK(check({"a|n", "x|1", "y|2", "Totally other|9"}).result == CheckResult::kNotApplicable);
}

TEST_CASE("structure checks take large tables in their stride") {
  Table table{1000, 1000, {}};
  for (int64_t at = 0; at < 1'000'000; ++at) {
    table.cells.push_back({at % 1000 == 0 ? "Total" : "5", at / 1000, at % 1000});
  }
  const std::vector<StructureCheck> checks = check_structure(table, false);
  REQUIRE(checks.size() == 4);
  CHECK(checks[0].result == CheckResult::kPass);
  CHECK(checks[1].result == CheckResult::kFail);
  CHECK(checks[1].cells.size() == 20);  // reported shortly
}

}  // namespace nvlm::eval
