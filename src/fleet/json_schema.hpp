#pragma once
// A subset of JSON Schema (2020-12, Validation) for what people describe in templates: type, enum,
// const; properties, required, additionalProperties, minProperties, maxProperties; items, minItems,
// maxItems; minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf; minLength, maxLength;
// allOf, anyOf, oneOf. Other keywords are annotations, as for any validator that does not know
// them. No regular expressions, so that no schema can make a check slow.
#include <boost/json.hpp>

#include "platform/errors.hpp"

namespace pulse::fleet {

/// Every way in which `value` is not as the schema says; `loc` leads to the value.
Faults faults_by_schema(const boost::json::value& schema, const boost::json::value& value,
                        std::vector<std::string> loc);

}  // namespace pulse::fleet
