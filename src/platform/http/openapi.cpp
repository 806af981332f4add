// The OpenAPI 3.1 document of a router's endpoints.
#include <algorithm>
#include <set>

#include "platform/http/router.hpp"

namespace pulse::http {
namespace {

namespace bj = boost::json;

std::string operation_id(const EndpointSpec& spec) {
  std::string id;
  for (const char c : spec.method) id += static_cast<char>(std::tolower(c));
  for (const char c : spec.pattern) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      id += c;
    else if (!id.empty() && id.back() != '_')
      id += '_';
  }
  while (!id.empty() && id.back() == '_') id.pop_back();
  return id;
}

bj::object content(std::string_view media_type, bj::value schema) {
  bj::object body;
  body["schema"] = std::move(schema);
  bj::object out;
  out[media_type] = std::move(body);
  return out;
}

bj::array security(Access access) {
  switch (access) {
    case Access::signed_in:
    case Access::customer:
    case Access::operators:
      return {bj::object{{"bearer", bj::array{}}}, bj::object{{"session", bj::array{}}}};
    case Access::device:
      return {bj::object{{"device", bj::array{}}}};
    case Access::internal:
      return {bj::object{{"internal", bj::array{}}}};
    default:
      return {};
  }
}

std::string_view access_word(Access access) {
  switch (access) {
    case Access::open:
      return "open";
    case Access::device:
      return "device";
    case Access::internal:
      return "internal";
    case Access::signed_in:
      return "signed-in";
    case Access::customer:
      return "customer";
    case Access::operators:
      return "operator";
    case Access::undeclared:
      break;
  }
  return "undeclared";
}

bj::object ref(std::string_view name) {
  return bj::object{{"$ref", "#/components/schemas/" + std::string(name)}};
}

bj::object fixed_headers() {
  const auto header = [](std::string_view words, std::string_view type, bool required = true) {
    return bj::object{
        {"description", words}, {"required", required}, {"schema", bj::object{{"type", type}}}};
  };
  bj::object out;
  out["Cache-Control"] = header("no-store: the answer carries a secret", "string");
  out["Location"] = header("Where to go", "string");
  out["Retry-After"] = header("Seconds until it may be tried again", "integer");
  out["Upgrade"] = header("The protocol that this address speaks", "string");
  out["X-Request-ID"] = header("The request's id, as logs and the audit log have it", "string");
  out["X-CSRF-Token"] = header("What a browser with a session sends with its changes", "string");
  out["RateLimit-Limit"] =
      header("Requests at once, of the limit that is nearest", "integer", false);
  out["RateLimit-Remaining"] = header("Requests that are left of it", "integer", false);
  out["RateLimit-Reset"] = header("Seconds until all of it is there again", "integer", false);
  return out;
}

/// Headers that a status always comes with, whoever answers it.
void add_headers(bj::object& responses) {
  for (auto& [status, answer] : responses) {
    if (status.starts_with("30") && status != "304") add_header(answer.as_object(), "Location");
    if (status == "426") add_header(answer.as_object(), "Upgrade");
    if (status == "429") add_header(answer.as_object(), "Retry-After");
  }
}

/// All that one failing status says: its reasons, and the forms of its answer by media type.
struct FailureDoc {
  std::string description;
  std::map<std::string, bj::array> forms;

  void add(std::string_view detail, const std::string& media_type, bj::value schema) {
    if (description.find(detail) == std::string::npos)
      description += (description.empty() ? "" : "; ") + std::string(detail);
    auto& known = forms[media_type];
    if (std::find(known.begin(), known.end(), schema) == known.end())
      known.push_back(std::move(schema));
  }
  bj::object answer() {
    bj::object content;
    for (auto& [media_type, schemas] : forms) {
      bj::value schema =
          schemas.size() == 1 ? schemas[0] : bj::value(bj::object{{"anyOf", schemas}});
      content[media_type] = bj::object{{"schema", std::move(schema)}};
    }
    return bj::object{{"description", description}, {"content", std::move(content)}};
  }
};

/// What every endpoint may answer by what it is: who may call it, and what it takes.
std::map<int, FailureDoc> general_failures(const EndpointSpec& spec, const OperationDoc& doc) {
  std::map<int, FailureDoc> out;
  const auto add = [&](int status, std::string_view detail) {
    out[status].add(detail, "application/json", ref("Error"));
  };
  if (spec.access != Access::open) {
    add(401, "Missing authorization");
    if (spec.access != Access::signed_in && spec.access != Access::device)
      add(403, spec.permission.empty() ? "Not allowed" : "Permission required: " + spec.permission);
  }
  // Callers and devices by their rate, all others by their address.
  if (spec.access != Access::internal) add(429, "Too many requests");
  if (!doc.request_body.is_null()) {
    add(413, "Body too large");
    if (!doc.any_body_type) add(415, "Content-Type must be application/json");
  }
  add(500, "Internal error");
  add(503, "A dependency is unavailable");
  return out;
}

bj::object responses(const EndpointSpec& spec, OperationDoc& doc) {
  bj::object out;
  const int success_status = spec.success ? spec.success : doc.success;
  bj::object success{{"description", spec.summary}};
  if (!doc.response_schema.is_null())
    success["content"] = content(doc.response_type, doc.response_schema);
  else if (doc.response_type != "application/json")
    success["content"] = content(doc.response_type, bj::object{{"type", "string"}});
  for (const auto& type : doc.other_response_types)
    success["content"].as_object()[type] = bj::object{{"schema", bj::object{{"type", "string"}}}};
  if (spec.secret) add_header(success, "Cache-Control");
  out[std::to_string(success_status)] = std::move(success);
  for (const auto& [status, detail] : spec.without)
    out[std::to_string(status)] = bj::object{{"description", detail}};
  auto failures = general_failures(spec, doc);
  for (const auto& f : spec.failures) {
    bj::value schema = ref("Error");
    if (f.schema) schema = f.schema(*doc.components);
    if (f.media_type != "application/json") schema = bj::object{{"type", "string"}};
    failures[f.status].add(f.detail, f.media_type, std::move(schema));
  }
  if (!failures.contains(422) &&
      (spec.method != "GET" || spec.pattern.find('{') != std::string::npos ||
       !doc.parameters.empty()))
    failures[422].add("The input has faults; all are listed", "application/json",
                      ref("ValidationError"));
  for (auto& [status, failure] : failures) out[std::to_string(status)] = failure.answer();
  add_headers(out);
  return out;
}

bj::object fixed_schemas() {
  bj::object fault{
      {"type", "object"},
      {"required", bj::array{"loc", "msg", "type"}},
      {"properties",
       bj::object{{"loc", bj::object{{"type", "array"}, {"items", bj::object{{"type", "string"}}}}},
                  {"msg", bj::object{{"type", "string"}}},
                  {"type", bj::object{{"type", "string"}}}}}};
  bj::object out;
  out["Fault"] = std::move(fault);
  bj::object faults{{"type", "array"},
                    {"items", bj::object{{"$ref", "#/components/schemas/Fault"}}}};
  out["ValidationError"] = bj::object{{"type", "object"},
                                      {"required", bj::array{"detail"}},
                                      {"properties", bj::object{{"detail", std::move(faults)}}}};
  out["Error"] = bj::object{{"type", "object"},
                            {"required", bj::array{"detail"}},
                            {"properties", bj::object{{"detail", bj::object{{"type", "string"}}}}}};
  return out;
}

bj::object security_schemes() {
  bj::object out;
  out["bearer"] = bj::object{
      {"type", "http"},
      {"scheme", "bearer"},
      {"bearerFormat", "JWT"},
      {"description",
       "An access token of the issuer, or an API token (pulse_pat_..., pulse_svc_...)."}};
  out["session"] = bj::object{{"type", "apiKey"},
                              {"in", "cookie"},
                              {"name", "pulse_session"},
                              {"description",
                               "A browser that is signed in sends it by itself; changes also need "
                               "X-CSRF-Token, as any GET answers it."}};
  out["device"] = bj::object{{"type", "apiKey"}, {"in", "header"}, {"name", "X-Provision-Token"}};
  out["internal"] = bj::object{{"type", "apiKey"}, {"in", "header"}, {"name", "X-Internal-Auth"}};
  return out;
}

/// A handler that reads the raw request declares no parameters; its path has them all the same.
void declare_path_parameters(const EndpointSpec& spec, OperationDoc& doc) {
  for (const auto& name : spec.parameter_names) {
    bool known = false;
    for (const auto& p : doc.parameters)
      known = known || (p.at("in").as_string() == "path" && p.at("name").as_string() == name);
    if (!known)
      doc.parameters.push_back(bj::object{
          {"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
}

}  // namespace

void add_header(bj::object& answer, std::string_view name) {
  auto& headers = answer["headers"];
  if (!headers.is_object()) headers = bj::object{};
  headers.as_object()[name] = bj::object{{"$ref", "#/components/headers/" + std::string(name)}};
}

bj::value Router::openapi(std::string_view version) const {
  json::Components components;
  bj::object paths;
  std::set<std::string> tags;
  for (const auto& spec : specs_) {
    if (spec.hidden) continue;
    OperationDoc doc;
    doc.components = &components;
    spec.describe(doc);
    declare_path_parameters(spec, doc);
    if (spec.example.is_object() && doc.request_body.is_object())
      doc.request_body.as_object()["content"]
          .as_object()["application/json"]
          .as_object()["example"] = spec.example;
    bj::object operation{{"operationId", operation_id(spec)}, {"summary", spec.summary}};
    if (!spec.description.empty()) operation["description"] = spec.description;
    if (!spec.tag.empty()) {
      operation["tags"] = bj::array{spec.tag};
      tags.insert(spec.tag);
    }
    operation["x-access"] = access_word(spec.access);
    if (!spec.permission.empty()) operation["x-permission"] = spec.permission;
    operation["security"] = security(spec.access);
    if (!doc.parameters.empty()) operation["parameters"] = doc.parameters;
    if (!doc.request_body.is_null()) operation["requestBody"] = doc.request_body;
    auto answers = responses(spec, doc);
    if (describe_also_) describe_also_(spec, answers);
    operation["responses"] = std::move(answers);
    std::string method;
    for (const char c : spec.method) method += static_cast<char>(std::tolower(c));
    auto& path = paths[spec.pattern];
    if (!path.is_object()) path = bj::object{};
    path.as_object()[method] = std::move(operation);
  }
  for (auto& [name, schema] : fixed_schemas()) components.schemas[name] = schema;
  bj::array tag_list;
  for (const auto& tag : tags) tag_list.push_back(bj::object{{"name", tag}});
  bj::object info{{"title", "Pulse"},
                  {"version", version},
                  {"description", "Multi-tenant IoT fleet platform."},
                  {"license", bj::object{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
  return bj::object{{"openapi", "3.1.0"},
                    {"info", std::move(info)},
                    {"tags", std::move(tag_list)},
                    {"paths", std::move(paths)},
                    {"components", bj::object{{"schemas", std::move(components.schemas)},
                                              {"headers", fixed_headers()},
                                              {"securitySchemes", security_schemes()}}}};
}

}  // namespace pulse::http
