#include <gtest/gtest.h>

#include <random>

#include "fleet/search_query.hpp"
#include "fleet/search_sql.hpp"
#include "platform/errors.hpp"

namespace pulse::fleet {

namespace {

const SearchTerm& only(const SearchQuery& query) {
  EXPECT_EQ(query.all.size(), 1U);
  EXPECT_EQ(query.all.at(0).size(), 1U);
  return query.all.at(0).at(0);
}

SearchTerm one(std::string_view text) { return only(parse_search(text)); }

std::string refusal(std::string_view text) {
  try {
    parse_search(text);
  } catch (const HttpError& e) {
    EXPECT_EQ(e.status, 400);
    return e.what();
  }
  return "taken";
}

std::string sql(std::string_view text, std::size_t* parameters = nullptr) {
  pg::Clauses clauses(" AND ");
  const auto written = search_sql(parse_search(text), clauses);
  if (parameters) *parameters = clauses.params().size();
  return written.joins + " WHERE " + written.condition;
}

}  // namespace

TEST(Search, terms_of_each_kind_are_read) {
  const auto query = parse_search(
      R"(status:offline,stale site:"Hamburg Hub" temp_c>=30.5 -tag:old pump 41 name:pump* fw:1.2)");
  ASSERT_EQ(query.all.size(), 7U);
  const auto& status = query.all[0][0];
  EXPECT_EQ(status.key, SearchKey::status);
  EXPECT_EQ(status.values[0].text, "OFFLINE");
  EXPECT_EQ(status.values[1].text, "STALE");
  EXPECT_EQ(query.all[1][0].values[0].text, "Hamburg Hub");
  EXPECT_EQ(query.all[2][0].metric, "temp_c");
  EXPECT_EQ(query.all[2][0].op, SearchOperator::at_least);
  EXPECT_EQ(query.all[2][0].values[0].text, "30.5");
  EXPECT_TRUE(query.all[3][0].negated);
  EXPECT_EQ(query.all[4][0].key, SearchKey::text);
  EXPECT_EQ(query.all[4][0].values[0].text, "pump 41");
  EXPECT_TRUE(query.all[5][0].values[0].pattern);
  EXPECT_EQ(query.all[6][0].key, SearchKey::firmware);
  EXPECT_TRUE(query.needs_state());
  EXPECT_FALSE(parse_search("site:a pump").needs_state());
}

TEST(Search, plain_text_is_what_was_typed) {
  for (const char* text :
       {"100%", "pump  41", "-01", "a > b", "12:30", "http://x/y", "aa:bb:cc:dd", "5\" pipe",
        "O'Brien", "(east)", "OR", "Portland OR", "50%_off", "x -y", "!", "<>", "a,b", "*"}) {
    const auto term = one(text);
    EXPECT_EQ(term.key, SearchKey::text) << text;
    EXPECT_EQ(term.values[0].text, text);
    EXPECT_FALSE(term.negated);
  }
  EXPECT_TRUE(parse_search("").empty());
  EXPECT_TRUE(parse_search(" \t ").empty());
}

TEST(Search, quotes_or_and_spaced_comparisons) {
  EXPECT_EQ(one(R"("a \"b\" \\ *")").values[0].text, R"(a "b" \ *)");
  EXPECT_FALSE(one(R"(name:"pump*")").values[0].pattern);
  EXPECT_TRUE(one(R"(-"cold store")").negated);
  EXPECT_EQ(one("temp_c > 30").key, SearchKey::metric);
  EXPECT_EQ(one("temp_c> -3").values[0].text, "-3");
  EXPECT_EQ(one("door=true").op, SearchOperator::equal);
  EXPECT_EQ(one("door!=true").op, SearchOperator::not_equal);
  const auto either = parse_search("tag:a OR tag:b site:c");
  ASSERT_EQ(either.all.size(), 2U);
  EXPECT_EQ(either.all[0].size(), 2U);
  const auto words = parse_search("pump OR fan");
  ASSERT_EQ(words.all.size(), 1U);
  EXPECT_EQ(words.all[0][1].values[0].text, "fan");
}

TEST(Search, a_fault_names_its_term_and_position) {
  EXPECT_EQ(refusal("pump temp_c>warm"),
            "Search term 'temp_c>warm' at position 6: '>' needs a number");
  EXPECT_EQ(refusal("grün status:asleep"),
            "Search term 'status:asleep' at position 6: status is online, stale or offline");
  EXPECT_EQ(refusal("site:"), "Search term 'site:' at position 1: 'site:' needs a value");
  EXPECT_EQ(refusal("tag:a,"), "Search term 'tag:a,' at position 1: 'tag:' needs a value");
  EXPECT_EQ(refusal("-colour:red").substr(0, 62),
            "Search term '-colour:red' at position 1: 'colour' is no key; k");
  EXPECT_EQ(refusal("x \"open"), "Search term '\"open' at position 3: the quote is not closed");
  EXPECT_NE(refusal("tag:\"a\"b"), "taken");
  EXPECT_NE(refusal("\"\""), "taken");
  EXPECT_NE(refusal("is:broken"), "taken");
  EXPECT_NE(refusal("t>1,2"), "taken");
  EXPECT_NE(refusal("t>nan"), "taken");
  EXPECT_NE(refusal("t>inf"), "taken");
}

TEST(Search, it_has_bounds) {
  EXPECT_EQ(refusal(std::string(500, 'x')), "taken");
  EXPECT_NE(refusal(std::string(501, 'x')), "taken");
  std::string many;
  for (int i = 0; i < 50; ++i) many += "tag:a ";
  EXPECT_EQ(refusal(many), "taken");
  EXPECT_NE(refusal(many + "tag:a"), "taken");
  std::string values = "tag:a";
  for (int i = 0; i < 99; ++i) values += ",a";
  EXPECT_EQ(refusal(values), "taken");
  EXPECT_NE(refusal(values + ",a"), "taken");
  EXPECT_NE(refusal("tag:" + std::string(201, 'x')), "taken");
}

TEST(Search, nothing_that_was_typed_is_in_the_statement) {
  std::size_t parameters = 0;
  EXPECT_EQ(sql("", &parameters), " WHERE true");
  EXPECT_EQ(parameters, 0U);
  const auto text =
      sql("secret1 tag:secret2,secret3 secret4>5 secret6=\"secret7\" name:secret8* OR -id:secret9",
          &parameters);
  EXPECT_EQ(text.find("secret"), std::string::npos) << text;
  EXPECT_EQ(parameters, 8U);
  EXPECT_EQ(text.find('?'), std::string::npos);
  EXPECT_TRUE(sql("-tag:a").ends_with("WHERE j1.device_id IS NULL"));
  EXPECT_NE(sql("-fw:1").find("IS NOT TRUE"), std::string::npos);
}

TEST(Search, wildcards_of_the_database_are_plain_characters) {
  EXPECT_EQ(containing("100%_\\"), "%100\\%\\_\\\\%");
}

// Whatever comes, it is taken or refused with a 400, and a statement has a value for each of its
// parameters.
TEST(Search, hostile_input_is_taken_or_refused) {
  static constexpr std::string_view pieces[] = {
      "status:", "site:",   "tag:",  "-",     "\"",   "\\",       ",",    ":",  " OR ",
      "OR",      ">",       ">=",    "=",     "!=",   "<",        "temp", "30", "*",
      "%",       "_",       "'",     ";--",   "$1",   "?",        "\t",   " ",  "(",
      ")",       "offline", "1e999", "0x1p3", "\xff", "\xe2\x82", "ü",    "\n", "is:decommissioned",
      "group:g"};
  std::mt19937 random(18);
  std::uniform_int_distribution<std::size_t> piece(0, std::size(pieces) - 1), length(1, 60);
  std::uniform_int_distribution<int> byte(1, 255);
  int taken = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (std::size_t i = length(random); i > 0; --i) {
      if (random() % 8 == 0)
        text += static_cast<char>(byte(random));
      else
        text += pieces[piece(random)];
    }
    try {
      const auto query = parse_search(text);
      pg::Clauses clauses(" AND ");
      clauses.parameter("before");
      const auto written = search_sql(query, clauses);
      const auto condition = written.joins + written.condition;
      const auto count = clauses.params().size();
      ASSERT_NE(condition.find("$" + std::to_string(count)) == std::string::npos && count > 1, true)
          << text;
      ASSERT_EQ(condition.find("$" + std::to_string(count + 1)), std::string::npos) << text;
      ++taken;
    } catch (const HttpError& e) {
      ASSERT_EQ(e.status, 400);
    }
  }
  EXPECT_GT(taken, 100);
}

}  // namespace pulse::fleet
