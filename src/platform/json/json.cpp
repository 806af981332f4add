#include <boost/json.hpp>
#include <cctype>
#include <charconv>

#include "platform/json/schema.hpp"
#include "platform/limits.hpp"

namespace pulse::json {

bool matches_identifier(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  for (const char c : text)
    if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
          c == '-'))
      return false;
  return true;
}

std::size_t utf8_length(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++n;
  return n;
}

void fault(Faults& faults, const Loc& loc, std::string msg, std::string type) {
  // A hostile body could hold a million faults; a person reads a hundred at most.
  if (faults.size() < 100) faults.push_back({loc, std::move(msg), std::move(type)});
}

boost::json::value parse_text(std::string_view text, const Loc& loc) {
  boost::json::parse_options options;
  options.max_depth = limits::json_depth;
  boost::system::error_code ec;
  auto value = boost::json::parse(text, ec, {}, options);
  if (ec)
    throw ValidationError(
        loc, text.empty() ? "a JSON body is required" : "is not valid JSON: " + ec.message(),
        "json_invalid");
  return value;
}

namespace {

/// Length of the valid UTF-8 sequence at `p` (RFC 3629), or 0.
std::size_t utf8_sequence(const unsigned char* p, std::size_t left) {
  const auto cont = [&](std::size_t i) { return i < left && (p[i] & 0xc0) == 0x80; };
  if (p[0] < 0x80) return 1;
  if (p[0] >= 0xc2 && p[0] <= 0xdf) return cont(1) ? 2 : 0;
  if (p[0] >= 0xe0 && p[0] <= 0xef) {
    if (!cont(1) || !cont(2)) return 0;
    if (p[0] == 0xe0 && p[1] < 0xa0) return 0;
    if (p[0] == 0xed && p[1] > 0x9f) return 0;
    return 3;
  }
  if (p[0] >= 0xf0 && p[0] <= 0xf4) {
    if (!cont(1) || !cont(2) || !cont(3)) return 0;
    if (p[0] == 0xf0 && p[1] < 0x90) return 0;
    if (p[0] == 0xf4 && p[1] > 0x8f) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

void write_string(std::string& out, std::string_view s) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  const auto* p = reinterpret_cast<const unsigned char*>(s.data());
  std::size_t plain = 0;  // start of the run that needs no escape
  std::size_t i = 0;
  const auto flush = [&] { out.append(s.data() + plain, i - plain); };
  while (i < s.size()) {
    const unsigned char c = p[i];
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    if (c >= 0x80) {
      if (const auto n = utf8_sequence(p + i, s.size() - i)) {
        i += n;
        continue;
      }
      flush();
      out += "\xef\xbf\xbd";
    } else {
      flush();
      switch (c) {
        case '"':
          out += "\\\"";
          break;
        case '\\':
          out += "\\\\";
          break;
        case '\n':
          out += "\\n";
          break;
        case '\r':
          out += "\\r";
          break;
        case '\t':
          out += "\\t";
          break;
        default:
          out += "\\u00";
          out += digits[c >> 4];
          out += digits[c & 15];
      }
    }
    plain = ++i;
  }
  flush();
  out += '"';
}

bool is_text(std::string_view s) {
  const auto* p = reinterpret_cast<const unsigned char*>(s.data());
  for (std::size_t i = 0; i < s.size();) {
    const auto n = p[i] == 0 ? 0 : utf8_sequence(p + i, s.size() - i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

void write_double(std::string& out, double d) {
  if (!std::isfinite(d)) {
    out += "null";
    return;
  }
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, d).ptr;
  out.append(text, end);
}

void write_integer(std::string& out, std::int64_t i) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, i).ptr);
}

void write(std::string& out, const boost::json::value& v) {
  switch (v.kind()) {
    case boost::json::kind::null:
      out += "null";
      break;
    case boost::json::kind::bool_:
      out += v.get_bool() ? "true" : "false";
      break;
    case boost::json::kind::int64:
      write_integer(out, v.get_int64());
      break;
    case boost::json::kind::uint64:
      out += std::to_string(v.get_uint64());
      break;
    case boost::json::kind::double_:
      write_double(out, v.get_double());
      break;
    case boost::json::kind::string:
      write_string(out, {v.get_string().data(), v.get_string().size()});
      break;
    case boost::json::kind::array: {
      out += '[';
      bool first = true;
      for (const auto& item : v.get_array()) {
        if (!first) out += ',';
        first = false;
        write(out, item);
      }
      out += ']';
      break;
    }
    case boost::json::kind::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, item] : v.get_object()) {
        if (!first) out += ',';
        first = false;
        write_string(out, {key.data(), key.size()});
        out += ':';
        write(out, item);
      }
      out += '}';
      break;
    }
  }
}

std::string Components::name_of(const std::string& demangled) {
  for (const bool qualified : {false, true}) {
    auto name = component_name(demangled, qualified);
    if (types.emplace(name, demangled).first->second == demangled) return name;
  }
  throw std::logic_error("two types have one name in the document: " + demangled);
}

std::string component_name(std::string demangled, bool qualified) {
  static constexpr std::string_view anonymous = "(anonymous namespace)::";
  for (auto at = demangled.find(anonymous); at != std::string::npos; at = demangled.find(anonymous))
    demangled.erase(at, anonymous.size());
  // Keep the last part of each qualified name: "pulse::Page<pulse::fleet::Site>" -> "PageSite".
  std::string out, word;
  for (std::size_t i = 0; i < demangled.size(); ++i) {
    const char c = demangled[i];
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
      word += c;
    } else if (c == ':' && i + 1 < demangled.size() && demangled[i + 1] == ':') {
      if (qualified) out += word;
      word.clear();
      ++i;
    } else {
      out += word;
      word.clear();
    }
  }
  return out + word;
}

boost::json::value nullable(boost::json::value schema) {
  auto& o = schema.as_object();
  if (o.contains("$ref"))
    return boost::json::object{
        {"anyOf", boost::json::array{schema, boost::json::object{{"type", "null"}}}}};
  if (auto* type = o.if_contains("type"); type && type->is_string()) {
    const boost::json::value name = *type;
    o["type"] = boost::json::array{name, "null"};
  }
  return schema;
}

void merge_keywords(boost::json::value& member, const boost::json::object& keywords) {
  auto& o = member.as_object();
  for (const auto& [key, value] : keywords) {
    if (key == "enum" && o.contains("type") && o["type"].is_array()) {
      boost::json::array words = value.as_array();
      words.emplace_back(nullptr);
      o["enum"] = std::move(words);
    } else {
      o[key] = value;
    }
  }
}

}  // namespace pulse::json
