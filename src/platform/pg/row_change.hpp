#pragma once
// An UPDATE of one row that tells what it changed, for the audit log.
#include <string>
#include <string_view>
#include <vector>

#include "platform/json/changes.hpp"
#include "platform/pg/clauses.hpp"
#include "platform/pg/pool.hpp"

namespace pulse::pg {

class RowChange {
 public:
  /// A column gets `value`, by way of `expression`, e.g. "nullif(?, '')".
  template <class A>
  RowChange& set(std::string_view column, const A& value, std::string_view expression = "?") {
    set_.add(std::string(column) + " = " + std::string(expression), value);
    members_ +=
        (members_.empty() ? "'" : ", '") + std::string(column) + "', " + std::string(column);
    return *this;
  }
  /// An assignment that goes with the change and is not told, e.g. "updated_at = now()".
  RowChange& also(std::string_view assignment) {
    set_.add(assignment);
    return *this;
  }
  bool empty() const { return set_.empty(); }

  /// For the row of `table` that `condition` finds, e.g. "site_id = ?". The row is locked before it
  /// is read, so what is told is what this change did, whoever else changes it. One row comes back
  /// for `told`; none when there was none.
  template <class... A>
  Statement in(std::string_view table, std::string_view condition, const A&... values) const {
    Clauses set = set_;
    std::string found;
    const std::vector<std::string> placeholders{set.parameter(values)...};
    std::size_t next = 0;
    for (const char c : condition) {
      if (c == '?')
        found += placeholders[next++];
      else
        found += c;
    }
    const std::string members = "jsonb_build_object(" + members_ + ")", name(table);
    return {"WITH was AS (SELECT " + members + " AS before_change FROM " + name + " WHERE " +
                found + " FOR NO KEY UPDATE) UPDATE " + name + " SET " + set.text() +
                " FROM was WHERE " + found + " RETURNING before_change, " + members +
                " AS after_change",
            set.params()};
  }

  /// {"before": {...}, "after": {...}} of the columns that differ.
  static boost::json::object told(const Result& rows) {
    return json::changes_between(boost::json::parse(rows.text(0, 0)).as_object(),
                                 boost::json::parse(rows.text(0, 1)).as_object());
  }

 private:
  Clauses set_{", "};
  std::string members_;
};

}  // namespace pulse::pg
