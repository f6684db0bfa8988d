-- What each person did on one day, from canon activity, contributions and reactions.
-- One text for every engine: BIGINT everywhere, a CAST around every COUNT and SUM, no INTERVAL, no zone functions,
-- as-of joins as INNER JOIN ... WHERE from <= day AND day < to. The views it reads:
--   event(user_id, day, occurred_s, verb)            one row per event that is an act of somebody
--   post(user_id, day), reaction(user_id, day)       one row per contribution / reaction
--   identity(user_id, person, valid_from, valid_to)  who an account is, half-open in days
--   verb(verb, is_active, is_passive)                the policy's verbs, 0 or 1
--   rule(session_gap_s)                              one row
-- Seconds of learning are not among the sums: a union of stretches of time needs a running maximum over the rows before, and no frame
-- that says so is in the SQL of all engines (polars has ROWS UNBOUNDED PRECEDING alone). rollup/time_spent.rs makes them.
WITH matched AS (
    SELECT i.person AS person, e.day AS day, e.occurred_s AS occurred_s,
           v.is_active AS is_active, v.is_passive AS is_passive
    FROM event AS e
    INNER JOIN identity AS i ON e.user_id = i.user_id
    INNER JOIN verb AS v ON e.verb = v.verb
    WHERE i.valid_from <= e.day AND e.day < i.valid_to
),
spaced AS (
    SELECT person, day, is_active, is_passive, occurred_s,
           LAG(occurred_s, 1) OVER (PARTITION BY person, day ORDER BY occurred_s) AS before_s
    FROM matched
),
act AS (
    SELECT s.person AS person, s.day AS day, CAST(1 AS BIGINT) AS events, s.is_active AS active_acts, s.is_passive AS passive_acts,
           CAST(0 AS BIGINT) AS contributions,
           CAST(CASE WHEN s.before_s IS NULL THEN 1 WHEN s.occurred_s - s.before_s > r.session_gap_s THEN 1 ELSE 0 END AS BIGINT) AS sessions
    FROM spaced AS s CROSS JOIN rule AS r
    UNION ALL
    SELECT i.person AS person, p.day AS day, CAST(0 AS BIGINT) AS events, CAST(1 AS BIGINT) AS active_acts, CAST(0 AS BIGINT) AS passive_acts,
           CAST(1 AS BIGINT) AS contributions, CAST(0 AS BIGINT) AS sessions
    FROM post AS p INNER JOIN identity AS i ON p.user_id = i.user_id
    WHERE i.valid_from <= p.day AND p.day < i.valid_to
    UNION ALL
    SELECT i.person AS person, x.day AS day, CAST(0 AS BIGINT) AS events, CAST(1 AS BIGINT) AS active_acts, CAST(0 AS BIGINT) AS passive_acts,
           CAST(0 AS BIGINT) AS contributions, CAST(0 AS BIGINT) AS sessions
    FROM reaction AS x INNER JOIN identity AS i ON x.user_id = i.user_id
    WHERE i.valid_from <= x.day AND x.day < i.valid_to
)
SELECT person, day,
       CAST(SUM(events) AS BIGINT) AS events,
       CAST(SUM(active_acts) AS BIGINT) AS active_acts,
       CAST(SUM(passive_acts) AS BIGINT) AS passive_acts,
       CAST(SUM(contributions) AS BIGINT) AS contributions,
       CAST(SUM(sessions) AS BIGINT) AS sessions
FROM act
GROUP BY person, day
ORDER BY person, day
