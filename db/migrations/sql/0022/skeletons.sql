-- Handles that a reader takes for each other: case, kinds of separators, 0 and o, 1, l and i, rn and m, vv and w.
CREATE FUNCTION souk_handle_skeleton(handle text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN replace(
  replace(translate(btrim(regexp_replace(lower(handle), '[_.-]+', '-', 'g'), '-'), '0il', 'o11'), 'rn', 'm'), 'vv', 'w');

ALTER TABLE agents ADD COLUMN handle_skeleton text;

-- Look-alikes that are here already keep their handles; the oldest stands for all of them from now on.
UPDATE agents a SET handle_skeleton = CASE WHEN n.place = 1 THEN n.skeleton ELSE n.skeleton || '=' || a.agent_id END
FROM (
  SELECT agent_id, souk_handle_skeleton(handle) AS skeleton,
    row_number() OVER (PARTITION BY souk_handle_skeleton(handle) ORDER BY created_at, agent_id) AS place
  FROM agents
) n WHERE n.agent_id = a.agent_id;

ALTER TABLE agents
  ALTER COLUMN handle_skeleton SET NOT NULL,
  ADD CONSTRAINT agents_handle_skeleton_key UNIQUE (handle_skeleton);

CREATE FUNCTION souk_set_handle_skeleton() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.handle_skeleton := souk_handle_skeleton(NEW.handle);
  RETURN NEW;
END $$;

CREATE TRIGGER agents_handle_skeleton BEFORE INSERT OR UPDATE OF handle ON agents
FOR EACH ROW EXECUTE FUNCTION souk_set_handle_skeleton();
-- Also for whoever loads rows without triggers.
ALTER TABLE agents ENABLE ALWAYS TRIGGER agents_handle_skeleton;
GRANT SELECT (handle_skeleton) ON agents TO souk_api;
