#include "fleet/search_sql.hpp"

#include <algorithm>

namespace pulse::fleet {

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string like_pattern(const SearchValue& value) {
  auto out = escaped(value.text);
  if (value.pattern) std::replace(out.begin(), out.end(), '*', '%');
  return out;
}

std::vector<std::string> texts_of(const SearchTerm& term) {
  std::vector<std::string> out;
  for (const auto& value : term.values) out.push_back(value.text);
  return out;
}

bool has_patterns(const SearchTerm& term) {
  return std::any_of(term.values.begin(), term.values.end(),
                     [](const auto& v) { return v.pattern; });
}

/// Writes conditions; what may be unknown (null) counts as false, also when it is turned round.
class Writer {
 public:
  Writer(pg::Clauses& clauses, std::string& joins, const std::vector<NamedGroup>& dynamic)
      : clauses_(clauses), joins_(joins), dynamic_(dynamic) {}

  std::string whole(const SearchQuery& query) {
    std::string out;
    for (const auto& any : query.all) {
      std::string one;
      for (const auto& term : any) one += (one.empty() ? "" : " OR ") + condition(term);
      out += (out.empty() ? "" : " AND ") + (any.size() > 1 ? "(" + one + ")" : one);
    }
    return out.empty() ? "true" : out;
  }

 private:
  std::string condition(const SearchTerm& term) {
    const auto plain = holds(term);
    if (!term.negated) return plain;
    // So that the planner sees an anti-join.
    constexpr std::string_view there = " IS NOT NULL";
    if (plain.ends_with(there)) return plain.substr(0, plain.size() - there.size()) + " IS NULL";
    return "((" + plain + ") IS NOT TRUE)";
  }

  std::string holds(const SearchTerm& term) {
    switch (term.key) {
      case SearchKey::text:
        return in_set("SELECT f.device_id FROM pulse_devices_containing(lower(" +
                          clauses_.parameter(containing(term.values[0].text)) + "::text)) f",
                      "device_id");
      case SearchKey::status:
        return status(term);
      case SearchKey::site: {
        const auto any = patterns(term);
        return in_set("SELECT x.site_id FROM sites x WHERE lower(x.site_id) LIKE ANY (" + any +
                          ") OR lower(x.name) LIKE ANY (" + any + ")",
                      "site_id");
      }
      case SearchKey::site_id:
        return "r.site_id " + exact(term);
      case SearchKey::template_id:
        return "r.template_id::text " + exact(term);
      case SearchKey::tag:
        return in_set("SELECT DISTINCT g.device_id FROM device_tags g WHERE g.tag " + exact(term),
                      "device_id");
      case SearchKey::device_template: {
        const auto any = patterns(term);
        return in_set(
            "SELECT t.id AS template_id FROM device_templates t WHERE t.id::text LIKE ANY (" + any +
                ") OR lower(t.slug) LIKE ANY (" + any + ") OR lower(t.name) LIKE ANY (" + any + ")",
            "template_id");
      }
      case SearchKey::group:
        return group(term);
      case SearchKey::name:
        return column("coalesce(r.name, r.model, r.device_id)", term);
      case SearchKey::id:
        return has_patterns(term) ? column("r.device_id", term) : "r.device_id " + exact(term);
      case SearchKey::firmware:
        return column("r.fw_version", term);
      case SearchKey::model:
        return column("r.model", term);
      case SearchKey::serial:
        return column("r.serial_number", term);
      case SearchKey::type:
        return column("r.device_type", term);
      case SearchKey::is:
        return "r.decommissioned_at IS NOT NULL";
      case SearchKey::metric:
        return metric(term);
    }
    return "false";
  }

  /// True for a device whose `column` is in what `select` finds.
  std::string in_set(const std::string& select, const std::string& column) {
    const auto name = "j" + std::to_string(clauses_.params().size());
    joins_ +=
        " LEFT JOIN (" + select + ") " + name + " ON " + name + "." + column + " = r." + column;
    return name + "." + column + " IS NOT NULL";
  }

  std::string status(const SearchTerm& term) {
    const auto wanted = texts_of(term);
    // Who never sent anything has no state.
    const bool absent = std::find(wanted.begin(), wanted.end(), "OFFLINE") != wanted.end();
    return std::string(absent ? "coalesce(s.status, 'OFFLINE')" : "s.status") + " = ANY (" +
           clauses_.parameter(wanted) + "::text[])";
  }

  std::string column(const std::string& expression, const SearchTerm& term) {
    return "lower(" + expression + ") LIKE ANY (" + patterns(term) + ")";
  }

  /// The values as patterns in lower case.
  std::string patterns(const SearchTerm& term) {
    std::vector<std::string> out;
    for (const auto& value : term.values) out.push_back(like_pattern(value));
    // PostgreSQL knows more letters than we do: it makes them lower.
    return "ARRAY(SELECT lower(p) FROM unnest(" + clauses_.parameter(out) + "::text[]) p)";
  }

  /// The values as they are, by an index where no pattern is among them.
  std::string exact(const SearchTerm& term) {
    if (!has_patterns(term)) return "= ANY (" + clauses_.parameter(texts_of(term)) + "::text[])";
    std::vector<std::string> out;
    for (const auto& value : term.values) out.push_back(like_pattern(value));
    return "LIKE ANY (" + clauses_.parameter(out) + "::text[])";
  }

  std::string group(const SearchTerm& term) {
    const auto wanted = texts_of(term);
    const auto any = clauses_.parameter(wanted);
    auto out = in_set(
        "SELECT DISTINCT m.device_id FROM device_group_members m JOIN device_groups g USING "
        "(tenant_id, group_id) WHERE g.group_id = ANY (" +
            any + "::text[]) OR g.name = ANY (" + any + "::text[])",
        "device_id");
    bool alone = true;
    for (const auto& named : dynamic_) {
      const bool meant = std::any_of(wanted.begin(), wanted.end(), [&](const auto& text) {
        return text == named.group_id || text == named.name;
      });
      if (!meant) continue;
      static const std::vector<NamedGroup> none;
      out += " OR (" + Writer(clauses_, joins_, none).whole(named.filter) + ")";
      alone = false;
    }
    return alone ? out : "(" + out + ")";
  }

  std::string metric(const SearchTerm& term) {
    const auto value = "(s.state -> " + clauses_.parameter(term.metric) + "::text)";
    if (term.op == SearchOperator::equal || term.op == SearchOperator::not_equal) {
      // A word is a text or a boolean, a number also a text: 3 and "3" are both looked for.
      std::string any;
      for (const auto& v : term.values) {
        any += (any.empty() ? "" : ", ") + ("to_jsonb(" + clauses_.parameter(v.text) + "::text)");
        if (const auto number = search_number(v.text))
          any += ", to_jsonb(" + clauses_.parameter(*number) + "::numeric)";
        if (v.text == "true" || v.text == "false") any += ", '" + v.text + "'::jsonb";
      }
      return value + (term.op == SearchOperator::equal ? " IN (" : " NOT IN (") + any + ")";
    }
    const char* op = term.op == SearchOperator::greater    ? ">"
                     : term.op == SearchOperator::at_least ? ">="
                     : term.op == SearchOperator::less     ? "<"
                                                           : "<=";
    return "(CASE WHEN jsonb_typeof(" + value + ") = 'number' THEN " + value + "::numeric " + op +
           " " + clauses_.parameter(term.values[0].text) + "::numeric ELSE false END)";
  }

  pg::Clauses& clauses_;
  std::string& joins_;
  const std::vector<NamedGroup>& dynamic_;
};

}  // namespace

std::string containing(std::string_view text) { return "%" + escaped(text) + "%"; }

SearchSql search_sql(const SearchQuery& query, pg::Clauses& clauses,
                     const std::vector<NamedGroup>& dynamic) {
  SearchSql out;
  out.condition = Writer(clauses, out.joins, dynamic).whole(query);
  return out;
}

}  // namespace pulse::fleet
