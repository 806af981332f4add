#pragma once
// Forms with files: multipart/form-data (RFC 7578, RFC 2046).
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http/endpoint.hpp"

namespace pulse::http {

/// One field of a form. `body` points into the request.
struct FormPart {
  std::string name;
  std::optional<std::string> filename;
  std::string content_type;  ///< as given, "text/plain" when not
  std::string_view body;
};

/// The fields of a form, in order. Throws HttpError 415 for another Content-Type and 400 for a body
/// that is not as it says: no boundary, a part without an end or a name, more than 20 parts.
std::vector<FormPart> parse_multipart(std::string_view content_type, std::string_view body);

/// The part of `request` that has this name; a fault when there is none. Throws like
/// parse_multipart.
std::optional<FormPart> form_part(const Request& request, std::string_view name, Faults& faults);

/// The file of a form as a parameter: `Upload<"file"> file`. Its content points into the request.
template <Name name>
struct Upload {
  FormPart part;
  std::string_view content() const { return part.body; }
};

template <Name name>
struct Extract<Upload<name>> {
  static Upload<name> from(Request& r, Faults& faults) {
    Upload<name> out;
    if (auto part = form_part(r, name.view(), faults)) out.part = std::move(*part);
    return out;
  }
  static void describe(OperationDoc& doc) {
    boost::json::object properties;
    properties[name.view()] =
        boost::json::object{{"type", "string"}, {"contentMediaType", "application/octet-stream"}};
    boost::json::object schema{{"type", "object"}, {"required", {std::string(name.view())}}};
    schema["properties"] = std::move(properties);
    boost::json::object content;
    content["multipart/form-data"] = boost::json::object{{"schema", std::move(schema)}};
    doc.request_body = boost::json::object{{"required", true}, {"content", std::move(content)}};
    doc.any_body_type = true;  // its 415 says multipart: the endpoint states it
  }
};

}  // namespace pulse::http
