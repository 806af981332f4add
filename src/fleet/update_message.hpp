#pragma once
// What a device is told of an update: the message on its topic ota.
#include <string>

#include "platform/pg/types.hpp"
#include "platform/storage/storage.hpp"

namespace pulse::fleet {

/// The columns that update_message reads, of the tables that update_joins brings in.
extern const std::string update_columns;
/// Joins campaign and firmware to `row`, which has tenant_id and campaign_id.
std::string update_joins(const std::string& row);
/// The message, with a link that works for a day.
std::string update_message(const pg::Result& rows, int row, const storage::Storage& files);

}  // namespace pulse::fleet
