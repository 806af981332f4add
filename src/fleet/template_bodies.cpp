#include "fleet/template_bodies.hpp"

#include "platform/json/write.hpp"

namespace pulse::fleet {

std::string fault_of_key(std::string_view key, bool letters) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  for (std::size_t i = 0; i < key.size(); ++i) {
    const char c = key[i];
    if (letters) {
      if (lower(c) || upper(c) || (i > 0 && (digit(c) || c == '_'))) continue;
      return "must begin with a letter and go on with letters, digits or '_'";
    }
    if (lower(c) || digit(c) || (i > 0 && (c == '_' || c == '-'))) continue;
    return "must begin with a-z or 0-9 and go on with those, '_' or '-'";
  }
  return {};
}

std::string fault_of_bounds(const std::optional<double>& min, const std::optional<double>& max) {
  return min && max && *min > *max ? "must not be above max_value" : "";
}

std::string fault_of_words(const std::optional<boost::json::value>& words) {
  if (!words) return {};
  const auto* list = words->if_array();
  if (!list) return "must be a list of texts";
  if (list->size() > 200) return "must have at most 200 items";
  for (const auto& word : *list)
    if (!word.is_string() || word.get_string().empty() || word.get_string().size() > 200)
      return "must be a list of texts of 1 to 200 characters";
  return {};
}

std::string fault_of_schema(const std::optional<boost::json::object>& schema) {
  return schema && json::to_text(*schema).size() > 16 * 1024 ? "must have at most 16 KiB as JSON"
                                                             : "";
}

}  // namespace pulse::fleet
