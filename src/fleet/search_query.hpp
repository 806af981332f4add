#pragma once
// The fleet's search language: `status:offline site:berlin temp_c>30 -tag:old "cold store"`.
//
// Terms stand apart by spaces and must all hold; `OR` between two terms needs one of them; `-` in
// front of a term turns it round; a comma in a value means any of. Everything that is no term of
// the language is text: words that stand together are looked for as they were typed.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulse::fleet {

/// What a term looks at.
enum class SearchKey {
  text,
  status,
  site,     ///< by id or name
  site_id,  ///< by id alone; of filters
  tag,
  device_template,  ///< by id, slug or name
  template_id,      ///< of filters
  group,
  name,
  id,
  firmware,
  model,
  serial,
  type,
  is,
  metric
};

enum class SearchOperator { equal, not_equal, greater, at_least, less, at_most };

/// `*` stands for any characters where `pattern` says so; in quotes it is a star.
struct SearchValue {
  std::string text;
  bool pattern = false;
};

/// One term. Its values are alternatives; what a comparison by order compares with is one number.
struct SearchTerm {
  SearchKey key = SearchKey::text;
  bool negated = false;
  std::vector<SearchValue> values;
  std::string metric;  ///< of SearchKey::metric
  SearchOperator op = SearchOperator::equal;
};

/// Each entry of `all` must hold: one of its terms.
struct SearchQuery {
  std::vector<std::vector<SearchTerm>> all;

  bool empty() const { return all.empty(); }
  /// Adds a term that must hold.
  void require(SearchTerm term) { all.push_back({std::move(term)}); }
  bool mentions(SearchKey key) const;
  /// True when device_state is needed to tell.
  bool needs_state() const;
  /// The groups that it names.
  std::vector<std::string> groups() const;
};

inline constexpr std::size_t search_max_length = 500;  ///< characters
inline constexpr std::size_t search_max_terms = 50;
inline constexpr std::size_t search_max_values = 100;  ///< of a term

/// Throws HttpError 400, which names the term and its position (in characters, from 1).
SearchQuery parse_search(std::string_view text);

/// The number that a text is, as PostgreSQL's numeric reads it; nothing when it is none.
std::optional<std::string> search_number(std::string_view text);

}  // namespace pulse::fleet
