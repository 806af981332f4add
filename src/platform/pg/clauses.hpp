#pragma once
// Parts of statements that depend on what was asked for: conditions and assignments with their
// parameters. The text is always ours; only parameters come from outside.
#include <string>
#include <string_view>

#include "platform/pg/types.hpp"

namespace pulse::pg {

/// Clauses joined by a word. A `?` in a clause becomes the next parameter's number.
class Clauses {
 public:
  /// `joiner`: " AND " for conditions, ", " for assignments.
  explicit Clauses(std::string joiner) : joiner_(std::move(joiner)) {}

  template <class... A>
  Clauses& add(std::string_view clause, const A&... values) {
    if (!text_.empty()) text_ += joiner_;
    std::size_t next = params_.size();
    (params_.add(values), ...);
    for (const char c : clause) {
      if (c == '?')
        text_ += "$" + std::to_string(++next);
      else
        text_ += c;
    }
    return *this;
  }
  /// Adds a parameter alone and returns its placeholder, e.g. "$4".
  template <class A>
  std::string parameter(const A& value) {
    params_.add(value);
    return "$" + std::to_string(params_.size());
  }
  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }
  /// " WHERE ..." or "".
  std::string where() const { return text_.empty() ? "" : " WHERE " + text_; }
  Params params() const { return params_; }

 private:
  std::string joiner_, text_;
  Params params_;
};

}  // namespace pulse::pg
