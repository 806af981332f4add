-- Addresses of webhooks that were kept in clear before they were sealed are sealed in the
-- background.
GRANT UPDATE (notify_webhook, sealed_webhook) ON escalation_levels TO pulse_ingest;
