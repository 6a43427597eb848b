DROP TRIGGER agents_handle_skeleton ON agents;
DROP FUNCTION souk_set_handle_skeleton();
REVOKE SELECT (handle_skeleton) ON agents FROM souk_api;
ALTER TABLE agents DROP COLUMN handle_skeleton;
DROP FUNCTION souk_handle_skeleton(text);
