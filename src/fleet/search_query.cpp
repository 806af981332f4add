#include "fleet/search_query.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "platform/errors.hpp"
#include "platform/json/rules.hpp"

namespace pulse::fleet {

namespace {

constexpr std::pair<std::string_view, SearchKey> keys[] = {
    {"status", SearchKey::status}, {"site", SearchKey::site},
    {"tag", SearchKey::tag},       {"template", SearchKey::device_template},
    {"group", SearchKey::group},   {"name", SearchKey::name},
    {"id", SearchKey::id},         {"fw", SearchKey::firmware},
    {"model", SearchKey::model},   {"serial", SearchKey::serial},
    {"type", SearchKey::type},     {"is", SearchKey::is}};
constexpr std::string_view known_keys =
    "status, site, tag, template, group, name, id, fw, model, serial, type and is";
constexpr std::size_t longest_value = 200;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool in_name(char c) {
  return starts_name(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '/';
}
bool starts_operator(char c) { return c == '<' || c == '>' || c == '=' || c == '!'; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  SearchQuery parse() {
    skip_spaces();
    while (at_ < text_.size()) {
      const bool joined = take_or();
      start_ = at_;
      SearchTerm term;
      const bool plain = !take_term(term);
      if (plain) term = take_text();
      add(std::move(term), joined);
      skip_spaces();
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    std::size_t end = std::max(at_, start_ + 1);
    while (end < text_.size() && !is_space(text_[end])) ++end;
    auto term = std::string(text_.substr(start_, end - start_));
    if (json::utf8_length(term) > 40) {
      term.resize(40);
      while (!term.empty() && (static_cast<unsigned char>(term.back()) & 0x80U)) term.pop_back();
      term += "...";
    }
    throw bad_request("Search term '" + term + "' at position " +
                      std::to_string(json::utf8_length(text_.substr(0, start_)) + 1) + ": " + why);
  }

  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void skip_spaces() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  void add(SearchTerm term, bool joined) {
    if (++terms_ > search_max_terms) fail("at most " + std::to_string(search_max_terms) + " terms");
    if (joined)
      out_.all.back().push_back(std::move(term));
    else
      out_.require(std::move(term));
  }

  /// `OR` with a term before and after it; anywhere else it is a word.
  bool at_or() const {
    if (out_.all.empty() || text_.substr(at_, 2) != "OR") return false;
    std::size_t next = at_ + 2;
    if (next >= text_.size() || !is_space(text_[next])) return false;
    while (next < text_.size() && is_space(text_[next])) ++next;
    return next < text_.size();
  }
  bool take_or() {
    if (!at_or()) return false;
    at_ += 2;
    skip_spaces();
    return true;
  }

  /// False, and nothing taken, where plain text stands.
  bool take_term(SearchTerm& term) {
    const auto begin = at_;
    if (peek() == '-') {
      term.negated = true;
      ++at_;
    }
    if (peek() == '"') {
      term.values.push_back({take_quoted(), false});
      end_of_term();
      return true;
    }
    if (starts_name(peek())) {
      const auto name_at = at_;
      while (in_name(peek())) ++at_;
      const auto name = text_.substr(name_at, at_ - name_at);
      if (peek() == ':' && take_field(term, name)) return true;
      if (take_comparison(term, name)) return true;
    }
    at_ = begin;
    term = {};
    return false;
  }

  bool take_field(SearchTerm& term, std::string_view name) {
    const auto key = lower(name);
    const auto* known = std::find_if(std::begin(keys), std::end(keys),
                                     [&](const auto& k) { return k.first == key; });
    if (known == std::end(keys)) {
      // Addresses and the like hold colons too.
      std::size_t end = at_ + 1;
      while (end < text_.size() && !is_space(text_[end])) ++end;
      const auto rest = text_.substr(at_ + 1, end - at_ - 1);
      if (rest.starts_with("//") || rest.find(':') != std::string_view::npos) return false;
      fail("'" + std::string(name) + "' is no key; keys are " + std::string(known_keys) +
           ". Put text in quotes");
    }
    ++at_;
    term.key = known->second;
    take_values(term, "'" + key + ":' needs a value");
    judge(term);
    return true;
  }

  void judge(SearchTerm& term) const {
    for (auto& value : term.values) {
      if (term.key == SearchKey::status) {
        value.text = lower(value.text);
        if (value.text != "online" && value.text != "stale" && value.text != "offline")
          fail("status is online, stale or offline");
        for (char& c : value.text) c = static_cast<char>(c - 'a' + 'A');
      } else if (term.key == SearchKey::is) {
        value.text = lower(value.text);
        if (value.text != "decommissioned") fail("'is:' takes decommissioned");
      }
    }
  }

  /// `temp_c>30`; with spaces around the operator only before a number, since text may hold these
  /// characters too.
  bool take_comparison(SearchTerm& term, std::string_view name) {
    const auto after_name = at_;
    skip_spaces();
    if (!starts_operator(peek()) || (peek() == '!' && peek(1) != '=')) {
      at_ = after_name;
      return false;
    }
    const bool with_equal = peek() != '=' && peek(1) == '=';
    const std::string op(text_.substr(at_, with_equal ? 2 : 1));
    const bool spaced = at_ != after_name || is_space(peek(op.size()));
    at_ += op.size();
    if (spaced) {
      skip_spaces();
      std::size_t end = at_;
      while (end < text_.size() && !is_space(text_[end])) ++end;
      if (!search_number(text_.substr(at_, end - at_))) {
        at_ = after_name;
        return false;
      }
    }
    term.key = SearchKey::metric;
    term.metric = std::string(name);
    static const std::pair<std::string_view, SearchOperator> operators[] = {
        {"=", SearchOperator::equal},   {"!=", SearchOperator::not_equal},
        {">", SearchOperator::greater}, {">=", SearchOperator::at_least},
        {"<", SearchOperator::less},    {"<=", SearchOperator::at_most}};
    for (const auto& [word, meaning] : operators)
      if (word == op) term.op = meaning;
    if (term.metric.size() > longest_value) fail("the metric's name is too long");
    take_values(term, "'" + op + "' needs a value");
    if (op.front() == '<' || op.front() == '>')
      for (const auto& value : term.values)
        if (term.values.size() > 1 || !search_number(value.text))
          fail("'" + op + "' needs a number");
    return true;
  }

  void take_values(SearchTerm& term, const std::string& missing) {
    for (;;) {
      SearchValue value;
      if (peek() == '"') {
        value.text = take_quoted();
      } else {
        const auto begin = at_;
        while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != ',') ++at_;
        value.text = std::string(text_.substr(begin, at_ - begin));
        value.pattern = value.text.find('*') != std::string::npos;
      }
      if (value.text.empty()) fail(missing);
      if (json::utf8_length(value.text) > longest_value)
        fail("a value has at most " + std::to_string(longest_value) + " characters");
      term.values.push_back(std::move(value));
      if (term.values.size() > search_max_values)
        fail("at most " + std::to_string(search_max_values) + " values");
      if (peek() != ',') break;
      ++at_;
    }
    end_of_term();
  }

  std::string take_quoted() {
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        if (out.empty()) fail("nothing is between the quotes");
        return out;
      }
      if (text_[at_] == '\\' && (peek(1) == '"' || peek(1) == '\\')) ++at_;
      out += text_[at_];
    }
    fail("the quote is not closed");
  }

  void end_of_term() const {
    if (at_ < text_.size() && !is_space(text_[at_])) fail("a space must follow the closing quote");
  }

  /// Words up to the next term, as they were typed.
  SearchTerm take_text() {
    const auto begin = at_;
    auto end = at_;
    for (;;) {
      while (at_ < text_.size() && !is_space(text_[at_])) ++at_;
      end = at_;
      skip_spaces();
      if (at_ >= text_.size() || at_term()) break;
    }
    at_ = end;
    SearchTerm term;
    term.values.push_back({std::string(text_.substr(begin, end - begin)), false});
    return term;
  }

  /// Whether a term of the language, or its OR, stands here after text.
  bool at_term() {
    const auto here = at_;
    const auto start = start_;
    start_ = at_;
    SearchTerm ignored;
    // A malformed term is told here, as it would be at its turn.
    bool is_term = or_follows_text();
    if (!is_term) is_term = take_term(ignored);
    at_ = here;
    start_ = start;
    return is_term;
  }
  bool or_follows_text() const {
    if (text_.substr(at_, 2) != "OR" || at_ + 2 >= text_.size() || !is_space(text_[at_ + 2]))
      return false;
    return std::any_of(text_.begin() + static_cast<std::ptrdiff_t>(at_) + 2, text_.end(),
                       [](char c) { return !is_space(c); });
  }

  std::string_view text_;
  std::size_t at_ = 0, start_ = 0, terms_ = 0;
  SearchQuery out_;
};

}  // namespace

bool SearchQuery::mentions(SearchKey key) const {
  return std::any_of(all.begin(), all.end(), [&](const auto& any) {
    return std::any_of(any.begin(), any.end(), [&](const auto& t) { return t.key == key; });
  });
}

bool SearchQuery::needs_state() const {
  return mentions(SearchKey::status) || mentions(SearchKey::metric) || mentions(SearchKey::group);
}

std::vector<std::string> SearchQuery::groups() const {
  std::vector<std::string> out;
  for (const auto& any : all)
    for (const auto& term : any)
      if (term.key == SearchKey::group)
        for (const auto& value : term.values) out.push_back(value.text);
  return out;
}

std::optional<std::string> search_number(std::string_view text) {
  if (text.empty() || text.size() > 40) return std::nullopt;
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return std::string(text);
}

SearchQuery parse_search(std::string_view text) {
  if (json::utf8_length(text) > search_max_length)
    throw bad_request("A search has at most " + std::to_string(search_max_length) + " characters");
  return Parser(text).parse();
}

}  // namespace pulse::fleet
