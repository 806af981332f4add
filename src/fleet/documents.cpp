#include "fleet/documents.hpp"

#include "platform/errors.hpp"
#include "platform/json/write.hpp"

namespace pulse::fleet {

namespace bj = boost::json;

namespace {

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

bool has_nul(const bj::value& v) {
  if (const auto* s = v.if_string()) return has_nul(std::string_view(s->data(), s->size()));
  if (const auto* a = v.if_array()) {
    for (const auto& item : *a)
      if (has_nul(item)) return true;
  } else if (const auto* o = v.if_object()) {
    for (const auto& [key, item] : *o)
      if (has_nul(std::string_view(key.data(), key.size())) || has_nul(item)) return true;
  }
  return false;
}

}  // namespace

std::string checked_document(const bj::object& document, const std::string& name) {
  if (has_nul(bj::value(document)))
    throw ValidationError({"body", name}, "must not contain the NUL character", "string_value");
  auto text = json::to_text(document);
  if (text.size() > document_bytes_max)
    throw HttpError(
        413, name + " must have at most " + std::to_string(document_bytes_max) + " bytes of JSON");
  return text;
}

bool same_value(const bj::value& a, const bj::value& b) {
  if (a.is_number() && b.is_number()) {
    if (!a.is_double() && !b.is_double()) return a == b;
    return a.to_number<double>() == b.to_number<double>();
  }
  if (a.kind() != b.kind()) return false;
  if (const auto* list = a.if_array()) {
    const auto& other = b.get_array();
    if (list->size() != other.size()) return false;
    for (std::size_t i = 0; i < list->size(); ++i)
      if (!same_value((*list)[i], other[i])) return false;
    return true;
  }
  if (const auto* object = a.if_object()) {
    const auto& other = b.get_object();
    if (object->size() != other.size()) return false;
    for (const auto& [key, value] : *object) {
      const auto* there = other.if_contains(key);
      if (!there || !same_value(value, *there)) return false;
    }
    return true;
  }
  return a == b;
}

void merge_patch(bj::object& target, const bj::object& patch) {
  for (const auto& [key, value] : patch) {
    if (value.is_null()) {
      target.erase(key);
    } else if (const auto* inner = value.if_object()) {
      auto& member = target[key];
      if (!member.is_object()) member = bj::object{};
      merge_patch(member.get_object(), *inner);
    } else {
      target[key] = value;
    }
  }
}

DocumentDelta delta_of(const bj::object& desired, const bj::object& reported) {
  DocumentDelta out;
  for (const auto& [key, value] : desired) {
    const auto* there = reported.if_contains(key);
    if (there && same_value(value, *there)) {
      ++out.unchanged;
      continue;
    }
    out.wanted[key] = value;
    if (there)
      out.changed[key] = bj::object{{"old_value", *there}, {"new_value", value}};
    else
      out.added[key] = value;
  }
  for (const auto& [key, value] : reported)
    if (!desired.contains(key)) out.removed[key] = value;
  return out;
}

}  // namespace pulse::fleet
