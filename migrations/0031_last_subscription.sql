-- The last subscription of a device, also one that has ended: the list and the device page show it.
CREATE INDEX ON device_subscriptions (tenant_id, device_id, term_start DESC);
