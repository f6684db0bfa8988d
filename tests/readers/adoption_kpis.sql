-- adoption_kpis once more, written from its definitions alone, in DuckDB: an independent check and the other side of the bench.
-- It reads the views raw_workers, raw_org_units, raw_users, raw_links, raw_content, raw_enrollments, raw_activity,
-- raw_contributions and raw_reactions (deliveries with typed columns and `known`, the day of the delivery), the macro
-- local_day(instant), its first second day_begins(day), and the variables `horizon` (first day not reported), `report_from` (first one reported; may be null) and `holidays`.
-- It leaves the table kpis: exact figures of every scope, nothing withheld and nothing rounded.

-- HRIS: each file holds everything, so the last one speaks. Eligible: an employee not on leave from the hire to the last day, whatever the
-- status of today; the first row reaches back to the hire.
CREATE TEMP TABLE worker AS
SELECT * FROM raw_workers WHERE known = (SELECT max(known) FROM raw_workers) AND worker_id IS NOT NULL AND valid_from IS NOT NULL;

CREATE TEMP TABLE stint AS
WITH told AS (
    SELECT *, terminated >= coalesce(hired, terminated) IS TRUE AS ends,
           CASE WHEN valid_from = min(valid_from) OVER (PARTITION BY worker_id) THEN least(valid_from, hired) ELSE valid_from END AS begins
    FROM worker
)
SELECT worker_id, greatest(begins, coalesce(hired, begins)) AS since, least(valid_to, CASE WHEN ends THEN terminated + 1 ELSE valid_to END) AS until,
       coalesce(org_id, 'unknown') AS org, coalesce(leader_band, 'unknown') AS leader_band,
       coalesce(location, 'unknown') AS location, coalesce("function", 'unknown') AS "function"
FROM told
WHERE worker_type = 'Employee' AND since < until
  AND (status = 'Active' OR (status = 'Pre-Hire' AND hired IS NOT NULL) OR (status IN ('Terminated', 'Retired') AND ends));

-- Who an account is: a link valid on the day, else the employee number, else the e-mail; several candidates are nobody.
CREATE TEMP TABLE account AS
SELECT * FROM raw_users WHERE known = (SELECT max(known) FROM raw_users);

CREATE TEMP TABLE link AS
SELECT source_user_id AS user_id, worker_id, coalesce(valid_from, DATE '1900-01-01') AS since, coalesce(valid_to, DATE '9999-01-01') AS until
FROM raw_links WHERE known = (SELECT max(known) FROM raw_links);

CREATE TEMP TABLE candidate AS
WITH numbered AS (
    SELECT a.user_id, w.worker_id, w.valid_from AS since, w.valid_to AS until
    FROM account a JOIN worker w ON a.employee_no = w.employee_no
), mailed AS (
    SELECT a.user_id, w.worker_id, w.valid_from AS since, w.valid_to AS until
    FROM account a JOIN worker w ON lower(trim(a.email)) = lower(trim(w.email))
    WHERE a.user_id NOT IN (SELECT user_id FROM numbered)
), every AS (FROM numbered UNION ALL FROM mailed)
SELECT user_id, min(worker_id) AS worker_id, DATE '1900-01-01' AS since, DATE '9999-01-01' AS until
FROM every GROUP BY user_id HAVING count(DISTINCT worker_id) = 1
UNION ALL
SELECT DISTINCT user_id, worker_id, since, until
FROM every WHERE user_id IN (SELECT user_id FROM every GROUP BY user_id HAVING count(DISTINCT worker_id) > 1);

CREATE TEMP TABLE who AS
WITH named AS (SELECT user_id FROM account UNION SELECT user_id FROM link),
cut AS (
    SELECT user_id, DATE '1900-01-01' AS since FROM named
    UNION SELECT user_id, unnest([since, until]) FROM link
    UNION SELECT user_id, unnest([since, until]) FROM candidate
), piece AS (
    SELECT user_id, since, lead(since, 1, DATE '9999-01-01') OVER (PARTITION BY user_id ORDER BY since) AS until FROM cut
), linked AS (
    SELECT p.user_id, p.since, count(DISTINCT l.worker_id) AS candidates, min(l.worker_id) AS worker_id
    FROM piece p JOIN link l ON l.user_id = p.user_id AND l.since <= p.since AND p.since < l.until GROUP BY ALL
), other AS (
    SELECT p.user_id, p.since, count(DISTINCT c.worker_id) AS candidates, min(c.worker_id) AS worker_id
    FROM piece p JOIN candidate c ON c.user_id = p.user_id AND c.since <= p.since AND p.since < c.until GROUP BY ALL
)
SELECT p.user_id, p.since, p.until, coalesce(a.kind IN ('test', 'external'), false) AS excluded,
       CASE WHEN l.candidates = 1 THEN (SELECT min(worker_id) FROM worker w WHERE w.worker_id = l.worker_id)
            WHEN l.candidates IS NULL AND o.candidates = 1 THEN o.worker_id END AS worker_id
FROM piece p LEFT JOIN account a USING (user_id)
LEFT JOIN linked l ON l.user_id = p.user_id AND l.since = p.since
LEFT JOIN other o ON o.user_id = p.user_id AND o.since = p.since
WHERE p.since < p.until;

-- Events: an id is one event, the last known, on the day that this says; a voided one never counts, nor does the statement that voids
-- it, and an enrolment is nobody's act.
CREATE TEMP TABLE event AS
WITH one AS (
    SELECT event_id, max_by(struct_pack(occurred_at, user_id, verb, seconds), known) AS said FROM raw_activity GROUP BY event_id
)
SELECT local_day(said.occurred_at) AS day, said.user_id, said.occurred_at, said.verb, least(coalesce(said.seconds, 0), 240 * 60) AS seconds
FROM one
WHERE said.verb NOT IN ('voided', 'enrolled') AND event_id NOT IN (SELECT voids FROM raw_activity WHERE voids IS NOT NULL);

CREATE TEMP TABLE matched AS
SELECT e.*, w.worker_id, coalesce(w.excluded, false) AS excluded,
       verb IN ('launched', 'progressed', 'attempted', 'answered', 'completed', 'passed', 'failed', 'commented', 'rated') AS active,
       verb IN ('viewed', 'searched') AS passive
FROM event e LEFT JOIN who w ON e.user_id = w.user_id AND w.since <= e.day AND e.day < w.until;

-- Time spent: an event covers the time up to its instant. Cut at midnight, and each second of a person once: what reaches past all that
-- began before it.
CREATE TEMP TABLE spent AS
WITH stretch AS (
    SELECT worker_id, day, floor(epoch(occurred_at))::BIGINT AS till, floor(epoch(occurred_at))::BIGINT - seconds AS since, day_begins(day) AS midnight
    FROM matched WHERE worker_id IS NOT NULL AND NOT excluded AND seconds > 0
), part AS (
    SELECT worker_id, day, greatest(since, midnight) AS since, till FROM stretch WHERE till > midnight
    UNION ALL
    SELECT worker_id, day - 1, since, midnight FROM stretch WHERE since < midnight
), ordered AS (
    SELECT *, max(till) OVER (PARTITION BY worker_id, day ORDER BY since, till ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached FROM part
)
SELECT worker_id, day, sum(greatest(0, till - greatest(since, coalesce(reached, since))))::BIGINT AS seconds FROM ordered GROUP BY ALL;

CREATE TEMP TABLE act AS
WITH spaced AS (
    SELECT *, lag(occurred_at) OVER (PARTITION BY worker_id, day ORDER BY occurred_at) AS before FROM matched WHERE worker_id IS NOT NULL AND NOT excluded
)
SELECT worker_id, day, count(*) AS events, count_if(active) AS active, count_if(passive) AS passive, 0 AS contributions,
       count_if(before IS NULL OR occurred_at - before > INTERVAL 30 MINUTE) AS sessions, 0 AS unmatched
FROM spaced GROUP BY ALL
UNION ALL
SELECT NULL, day, 0, 0, 0, 0, 0, count(*) FROM matched WHERE worker_id IS NULL AND NOT excluded GROUP BY day
UNION ALL
SELECT CASE WHEN NOT coalesce(w.excluded, false) THEN w.worker_id END, p.day, 0, count(w.worker_id), 0, count(w.worker_id) FILTER (WHERE is_post), 0,
       count(*) FILTER (WHERE w.worker_id IS NULL AND NOT coalesce(w.excluded, false))
FROM (
    SELECT local_day(created_at) AS day, author_id AS user_id, true AS is_post
    FROM (SELECT max_by(created_at, known) AS created_at, max_by(author_id, known) AS author_id FROM raw_contributions GROUP BY contribution_id)
    UNION ALL
    SELECT local_day(occurred_at), actor_id, false
    FROM (SELECT max_by(occurred_at, known) AS occurred_at, max_by(actor_id, known) AS actor_id FROM raw_reactions GROUP BY reaction_id)
) p LEFT JOIN who w ON p.user_id = w.user_id AND w.since <= p.day AND p.day < w.until
GROUP BY 1, 2, coalesce(w.excluded, false);

CREATE TEMP TABLE person_day AS
SELECT worker_id, day, sum(events) AS events, sum(active) AS active, sum(passive) AS passive, sum(contributions) AS contributions,
       sum(seconds) AS seconds, sum(sessions) AS sessions
FROM (
    SELECT *, 0 AS seconds FROM act WHERE worker_id IS NOT NULL
    UNION ALL BY NAME SELECT worker_id, day, 0 AS events, 0 AS active, 0 AS passive, 0 AS contributions, 0 AS sessions, 0 AS unmatched, seconds FROM spent
) GROUP BY ALL;

-- Enrollments: the last statement of (user, content, attempt); without a number the day on which it was assigned, due or enrolled tells
-- attempts apart. What was waived or withdrawn leaves every count.
CREATE TEMP TABLE enrollment AS
SELECT user_id, content_id, attempt, required, spent_seconds, assigned_at, due_at, coalesce(assigned_at, due_at) AS asked_at,
       local_day(assigned_at) AS assigned_on, local_day(due_at) AS due_on, local_day(enrolled_at) AS enrolled_on,
       CASE WHEN status IN ('Completed', 'Passed', 'Completed (Equivalent)') THEN completed_at END AS done_at,
       local_day(coalesce(assigned_at, enrolled_at, due_at, done_at)) AS began_on
FROM (
    SELECT unnest(max_by(e, e.known)) FROM raw_enrollments e
    GROUP BY e.user_id, e.content_id, e.attempt, CASE WHEN e.attempt IS NULL THEN local_day(coalesce(e.assigned_at, e.due_at, e.enrolled_at)) END
)
WHERE status NOT IN ('Withdrawn', 'Cancelled', 'Denied', 'Waived', 'Exempt');

-- Of whom it was asked, and who completed it: an account may be somebody else by then. Both have the row.
CREATE TEMP TABLE asked AS
WITH person AS (SELECT * FROM who WHERE NOT excluded AND worker_id IS NOT NULL),
known AS (
    SELECT e.*, a.worker_id AS asked_of, d.worker_id AS done_by
    FROM enrollment e
    LEFT JOIN person a ON a.user_id = e.user_id AND a.since <= local_day(e.asked_at) AND local_day(e.asked_at) < a.until
    LEFT JOIN person d ON d.user_id = e.user_id AND d.since <= local_day(e.done_at) AND local_day(e.done_at) < d.until
)
SELECT *, asked_of AS worker_id, true AS is_asked, asked_of IS NOT DISTINCT FROM done_by AS is_own FROM known WHERE asked_of IS NOT NULL
UNION ALL
SELECT *, done_by, false, true FROM known WHERE done_by IS NOT NULL AND done_by IS DISTINCT FROM asked_of;

-- Attempts: in the order in which they begin, a row that repeats the assigned and the due day of the one before belongs to it. Another one
-- begins a new attempt if number and due day differ; after a completion if it was assigned or, on another day, due later than that; before
-- any if it begins when the attempt before was overdue, or is assigned again where none was due. What is neither assigned nor due begins one
-- if it was enrolled on a later day than the last completion, or has another number and a later day of completion.
CREATE TEMP TABLE turn AS
WITH placed AS (
    SELECT *, row_number() OVER (PARTITION BY worker_id, content_id ORDER BY began_on, asked_at IS NULL, due_on NULLS LAST, assigned_on NULLS LAST,
                                 attempt NULLS LAST, done_at NULLS LAST, assigned_at NULLS LAST, due_at NULLS LAST, user_id) AS place
    FROM asked
), seen AS (
    SELECT *, lag(attempt) OVER (PARTITION BY worker_id, content_id ORDER BY place) AS last_attempt,
           max(done_at) OVER before AS last_done,
           last_value(CASE WHEN asked_at IS NOT NULL THEN struct_pack(asked_at, assigned_on, due_on, attempt, done_at, user_id) END IGNORE NULLS) OVER before AS held
    FROM placed
    WINDOW before AS (PARTITION BY worker_id, content_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), judged AS (
    SELECT *, coalesce(held.due_on = due_on, false) AS same_due,
           CASE WHEN place = 1 THEN true
                WHEN asked_at IS NULL THEN coalesce(enrolled_on > local_day(last_done), false)
                    OR coalesce(attempt <> last_attempt AND local_day(done_at) > local_day(last_done), false)
                WHEN held IS NOT NULL AND held.assigned_on IS NOT DISTINCT FROM assigned_on AND held.due_on IS NOT DISTINCT FROM due_on THEN false
                WHEN coalesce(held.attempt <> attempt, false) AND NOT same_due THEN true
                WHEN last_done IS NOT NULL AND (held IS NULL OR held.done_at IS NOT NULL OR last_done >= held.asked_at)
                    THEN coalesce(assigned_at > last_done, false) OR (coalesce(due_at > last_done, false) AND NOT same_due)
                WHEN held.due_on IS NOT NULL THEN began_on > held.due_on
                ELSE coalesce(held.user_id = user_id AND assigned_on > held.assigned_on, false) END AS begins
    FROM seen
)
SELECT *, sum(begins::INT) OVER (PARTITION BY worker_id, content_id ORDER BY place) AS turn FROM judged;

-- An attempt is assigned first, due last and done by the earliest success; its required rows say when, where it has any.
CREATE TEMP TABLE obligation AS
WITH content AS (SELECT content_id, duration_minutes FROM raw_content WHERE known = (SELECT max(known) FROM raw_content)),
summed AS (
    SELECT t.worker_id, t.content_id, t.turn, coalesce(bool_or(t.required AND t.is_asked), false) AS is_required,
           CASE WHEN is_required THEN min(t.assigned_at) FILTER (t.required AND t.is_asked) ELSE min(t.assigned_at) FILTER (t.is_asked) END AS assigned_at,
           CASE WHEN is_required THEN max(t.due_at) FILTER (t.required AND t.is_asked) ELSE max(t.due_at) END AS due_at,
           min(t.done_at) AS done_at, min(t.done_at) FILTER (t.is_own) AS success_at,
           coalesce(arg_min(t.spent_seconds < c.duration_minutes * 60 // 4, t.done_at) FILTER (t.is_own), false) AS hasty
    FROM turn t LEFT JOIN content c USING (content_id) GROUP BY t.worker_id, t.content_id, t.turn
)
SELECT *, coalesce(due_at - INTERVAL 24 HOUR <= success_at AND success_at <= due_at, false) AS last_day FROM summed;

-- Periods, from the first day on which somebody acted, was assigned something, had it due or completed it, to the horizon; at most from five
-- years before the first delivery.
CREATE TEMP TABLE calendar AS
WITH delivered AS (SELECT min(known) - INTERVAL 5 YEAR AS floor FROM (FROM (SELECT known FROM raw_activity) UNION ALL (SELECT known FROM raw_workers))),
begun AS (
    SELECT day FROM act
    UNION ALL SELECT unnest([assigned_on, due_on]) FROM asked WHERE is_asked
    UNION ALL SELECT local_day(done_at) FROM asked WHERE is_own
), day AS (
    SELECT unnest(generate_series(coalesce(getvariable('report_from'), (SELECT min(day) FROM begun, delivered WHERE day >= floor)), getvariable('horizon') - 1, INTERVAL 1 DAY))::DATE AS day
)
SELECT 'day' AS grain, day AS start, day + 1 AS stop, day FROM day
UNION ALL SELECT 'week', date_trunc('week', day)::DATE, date_trunc('week', day)::DATE + 7, day FROM day
UNION ALL SELECT 'month', date_trunc('month', day)::DATE, (date_trunc('month', day) + INTERVAL 1 MONTH)::DATE, day FROM day
UNION ALL SELECT 'quarter', date_trunc('quarter', day)::DATE, (date_trunc('quarter', day) + INTERVAL 3 MONTH)::DATE, day FROM day;

CREATE TEMP TABLE period AS
SELECT DISTINCT grain, start, stop,
       (SELECT count(*) FROM range(start, stop, INTERVAL 1 DAY) d(x) WHERE isodow(x) < 6 AND x::DATE NOT IN (SELECT unnest(getvariable('holidays')::DATE[]))) AS working_days
FROM calendar;

-- One place per person and period: that of the last eligible day so far.
CREATE TEMP TABLE place AS
SELECT * EXCLUDE (spot), spot.*
FROM (
    SELECT p.grain, p.start, p.stop, s.worker_id, max_by(struct_pack(s.org, s.leader_band, s.location, s."function"), s.since) AS spot
    FROM period p JOIN stint s ON s.since < least(p.stop, getvariable('horizon')) AND s.until > p.start GROUP BY ALL
);

CREATE TEMP TABLE first_active AS SELECT worker_id, min(day) AS day FROM person_day WHERE active > 0 GROUP BY ALL;

CREATE TEMP TABLE person_period AS
SELECT c.grain, c.start, d.worker_id, sum(d.events) AS events, sum(d.active) AS active, sum(d.passive) AS passive,
       sum(d.contributions) AS contributions, sum(d.seconds) AS seconds, sum(d.sessions) AS sessions,
       count_if(d.active > 0 AND isodow(d.day) < 6 AND d.day NOT IN (SELECT unnest(getvariable('holidays')::DATE[]))) AS active_days
FROM person_day d JOIN calendar c USING (day) GROUP BY ALL;

CREATE TEMP TABLE learning AS
SELECT grain, start, worker_id, count(*) FILTER (WHERE kind = 'assigned') AS assigned, count(*) FILTER (WHERE kind = 'due') AS due,
       count_if(kind = 'due' AND done_on < stop) AS due_completed, count_if(kind = 'due' AND on_time) AS due_completed_on_time,
       count(*) FILTER (WHERE kind = 'completed') AS completions, count_if(kind = 'completed' AND last_day) AS last_day_completions,
       count_if(kind = 'completed' AND checkbox) AS checkbox_completions
FROM calendar c JOIN (
    SELECT 'assigned' AS kind, worker_id, local_day(assigned_at) AS day, NULL::DATE AS done_on, NULL AS on_time, NULL AS last_day, NULL AS checkbox
    FROM obligation WHERE is_required
    UNION ALL SELECT 'due', worker_id, local_day(due_at), local_day(done_at), done_at <= due_at, NULL, NULL FROM obligation WHERE is_required
    UNION ALL SELECT 'completed', worker_id, local_day(success_at), NULL, NULL, last_day, last_day AND hasty FROM obligation
) f USING (day) GROUP BY ALL;

-- Everything a person adds to their scopes in a period.
CREATE TEMP TABLE person AS
WITH active_day AS (SELECT worker_id, day FROM person_day WHERE active > 0),
before AS (SELECT worker_id, grain, stop AS start, passive > 0 AND active = 0 AS passive FROM person_period JOIN period USING (grain, start))
SELECT l.*, 1 AS headcount,
       (coalesce(pp.events, 0) > 0 OR coalesce(pp.active, 0) > 0)::INT AS visitors,
       (coalesce(pp.passive, 0) > 0 AND coalesce(pp.active, 0) = 0)::INT AS passive_learners,
       (coalesce(pp.active, 0) > 0)::INT AS active_learners,
       (coalesce(pp.contributions, 0) > 0)::INT AS contributors,
       coalesce(f.day >= l.start AND f.day < l.stop, false)::INT AS newly_activated,
       coalesce(f.day < l.stop, false)::INT AS activated_to_date,
       coalesce(f.day >= l.start, true)::INT AS not_yet_activated_at_start,
       coalesce(pp.active_days, 0) AS daily_active_sum,
       coalesce(a.day >= l.stop - 28, false)::INT AS active_28d,
       coalesce(b.passive, false)::INT AS previous_passive,
       (coalesce(b.passive, false) AND coalesce(pp.active, 0) > 0)::INT AS passive_to_active,
       coalesce(pp.seconds, 0) AS learning_seconds, coalesce(pp.sessions, 0) AS sessions,
       coalesce(n.assigned, 0) AS assigned, coalesce(n.due, 0) AS due, coalesce(n.due_completed, 0) AS due_completed,
       coalesce(n.due_completed_on_time, 0) AS due_completed_on_time, coalesce(n.completions, 0) AS completions,
       coalesce(n.last_day_completions, 0) AS last_day_completions, coalesce(n.checkbox_completions, 0) AS checkbox_completions
FROM place l
ASOF LEFT JOIN active_day a ON a.worker_id = l.worker_id AND a.day < l.stop
LEFT JOIN person_period pp ON pp.grain = l.grain AND pp.start = l.start AND pp.worker_id = l.worker_id
LEFT JOIN before b ON b.grain = l.grain AND b.start = l.start AND b.worker_id = l.worker_id
LEFT JOIN learning n ON n.grain = l.grain AND n.start = l.start AND n.worker_id = l.worker_id
LEFT JOIN first_active f ON f.worker_id = l.worker_id;

-- Figures of the finest cells, then of every scope. Units stand under each other as on the last day of the period.
CREATE TEMP TABLE cell AS
SELECT grain, start, stop, org, leader_band, location, "function", SUMS FROM person GROUP BY ALL;

CREATE TEMP TABLE unit AS
SELECT org_id, valid_from, parent_id FROM raw_org_units WHERE known = (SELECT max(known) FROM raw_org_units);

CREATE TEMP TABLE epoch AS
SELECT grain, start, (SELECT max(valid_from) FROM unit WHERE valid_from < stop) AS epoch FROM period;

CREATE TEMP TABLE parent AS
SELECT e.epoch, u.org_id, arg_max_null(u.parent_id, (u.valid_from <= e.epoch, CASE WHEN u.valid_from <= e.epoch THEN u.valid_from - DATE '1900-01-01' ELSE DATE '1900-01-01' - u.valid_from END)) AS parent_id
FROM (SELECT DISTINCT epoch FROM epoch) e, unit u GROUP BY ALL;

CREATE TEMP TABLE above AS
WITH RECURSIVE up AS (
    SELECT epoch, org_id, org_id AS scope_id FROM parent
    UNION SELECT u.epoch, u.org_id, p.parent_id FROM up u JOIN parent p ON p.epoch = u.epoch AND p.org_id = u.scope_id
    WHERE p.parent_id IN (SELECT org_id FROM unit)
)
FROM up;

CREATE TEMP TABLE scope AS
SELECT grain, start, stop, 'company' AS scope_kind, 'all' AS scope_id, SUMS FROM cell GROUP BY ALL
UNION ALL SELECT grain, start, stop, 'leader_band', leader_band, SUMS FROM cell GROUP BY ALL
UNION ALL SELECT grain, start, stop, 'location', location, SUMS FROM cell GROUP BY ALL
UNION ALL SELECT grain, start, stop, 'function', "function", SUMS FROM cell GROUP BY ALL
UNION ALL SELECT c.grain, c.start, c.stop, 'org', coalesce(a.scope_id, c.org), SUMS
FROM cell c JOIN epoch e USING (grain, start) LEFT JOIN above a ON a.epoch = e.epoch AND a.org_id = c.org GROUP BY ALL;

CREATE TABLE kpis AS
SELECT s.* EXCLUDE (start, stop, daily_active_sum), s.start AS period_start, s.stop AS period_end,
       CASE WHEN s.grain <> 'day' THEN s.daily_active_sum END AS daily_active_sum,
       CASE WHEN s.grain <> 'day' THEN p.working_days END AS working_days,
       CASE WHEN s.scope_kind = 'company' THEN coalesce(u.unmatched, 0) END AS unmatched_events
FROM scope s JOIN period p USING (grain, start)
LEFT JOIN (SELECT grain, start, sum(unmatched) AS unmatched FROM act JOIN calendar USING (day) GROUP BY ALL) u USING (grain, start)
ORDER BY grain, period_start, scope_kind, scope_id;
