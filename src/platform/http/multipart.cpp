#include "platform/http/multipart.hpp"

#include <algorithm>

namespace pulse::http {

namespace {

constexpr std::size_t most_parts = 20, most_header_bytes = 8 * 1024;

HttpError malformed(const std::string& words) {
  return bad_request("Malformed multipart body: " + words);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// A parameter's value at the front of `rest`: a token, or a quoted string without its quotes.
/// Nothing for a quoted string that does not end.
std::optional<std::string> take_value(std::string_view& rest) {
  if (!rest.starts_with('"')) {
    const auto end = std::min(rest.find(';'), rest.size());
    std::string value(trimmed(rest.substr(0, end)));
    rest.remove_prefix(end);
    return value;
  }
  std::string value;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return value;
    }
    if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
    value += rest[i];
  }
  return std::nullopt;
}

/// A header like `form-data; name="file"; filename="a.csv"`: its word and its parameters.
struct Parameters {
  std::string word;
  std::vector<std::pair<std::string, std::string>> list;

  const std::string* find(std::string_view name) const {
    for (const auto& [key, value] : list)
      if (iequals(key, name)) return &value;
    return nullptr;
  }
};

std::optional<Parameters> parameters_of(std::string_view header) {
  Parameters out;
  const auto semicolon = std::min(header.find(';'), header.size());
  out.word = std::string(trimmed(header.substr(0, semicolon)));
  auto rest = header.substr(semicolon);
  while (!rest.empty()) {
    if (rest.front() != ';') return std::nullopt;
    rest = trimmed(rest.substr(1));
    if (rest.empty()) break;
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    std::string key(trimmed(rest.substr(0, equals)));
    rest = trimmed(rest.substr(equals + 1));
    auto value = take_value(rest);
    if (!value) return std::nullopt;
    out.list.emplace_back(std::move(key), std::move(*value));
    rest = trimmed(rest);
  }
  return out;
}

void read_part_headers(std::string_view headers, FormPart& part) {
  part.content_type = "text/plain";
  bool named = false;
  while (!headers.empty()) {
    const auto end = std::min(headers.find("\r\n"), headers.size());
    const auto line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + 2, headers.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) throw malformed("a header without a colon");
    const auto name = line.substr(0, colon);
    const auto value = trimmed(line.substr(colon + 1));
    if (iequals(name, "Content-Type")) part.content_type = std::string(value);
    if (!iequals(name, "Content-Disposition")) continue;
    const auto told = parameters_of(value);
    if (!told || !iequals(told->word, "form-data") || !told->find("name"))
      throw malformed("a part without a name");
    part.name = *told->find("name");
    if (const auto* filename = told->find("filename")) part.filename = *filename;
    named = true;
  }
  if (!named) throw malformed("a part without a name");
}

/// The delimiter of RFC 2046, 5.1.1: "--" and the boundary, which has 1 to 70 characters.
std::string delimiter_of(std::string_view content_type) {
  const auto told = parameters_of(content_type);
  if (!told || !iequals(told->word, "multipart/form-data"))
    throw HttpError(415, "Content-Type must be multipart/form-data");
  const auto* boundary = told->find("boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70 ||
      boundary->find_first_of("\r\n") != std::string::npos)
    throw malformed("no boundary");
  return "--" + *boundary;
}

}  // namespace

std::vector<FormPart> parse_multipart(std::string_view content_type, std::string_view body) {
  const std::string delimiter = delimiter_of(content_type);
  const std::string between = "\r\n" + delimiter;
  std::size_t at = 0;
  if (!body.starts_with(delimiter)) {
    at = body.find(between);
    if (at == std::string_view::npos) throw malformed("the boundary does not occur");
    at += 2;
  }
  at += delimiter.size();
  std::vector<FormPart> parts;
  while (body.substr(at, 2) != "--") {
    if (parts.size() == most_parts)
      throw malformed("more than " + std::to_string(most_parts) + " parts");
    const auto line_end = body.find("\r\n", at);
    if (line_end == std::string_view::npos || !trimmed(body.substr(at, line_end - at)).empty())
      throw malformed("text behind a boundary");
    const auto head = line_end + 2;
    const auto head_end = body.find("\r\n\r\n", line_end);
    if (head_end == std::string_view::npos || head_end > head + most_header_bytes)
      throw malformed("a part without an end of its headers");
    const auto content = head_end + 4;
    const auto end = body.find(between, head_end + 2);
    if (end == std::string_view::npos || end < content) throw malformed("a part without an end");
    auto& part = parts.emplace_back();
    read_part_headers(head_end > head ? body.substr(head, head_end - head) : std::string_view(),
                      part);
    part.body = body.substr(content, end - content);
    at = end + between.size();
  }
  return parts;
}

std::optional<FormPart> form_part(const Request& request, std::string_view name, Faults& faults) {
  for (auto& part : parse_multipart(request.headers.get("Content-Type"), request.body))
    if (part.name == name) return std::move(part);
  faults.push_back({{"body", std::string(name)}, "is required", "missing"});
  return std::nullopt;
}

}  // namespace pulse::http
