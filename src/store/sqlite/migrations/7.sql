-- Everybody who has an account is in the official group, unless banned from it. `members` has rows there of
-- those alone who have a nickname or roles; their joined_at_ms counts for nothing.

CREATE VIEW official_members (group_id, user_id, roles, nickname, joined_at_ms) AS
SELECT groups.group_id, users.user_id, coalesce(members.roles, '[]'), members.nickname, users.created_at_ms
FROM groups CROSS JOIN users
LEFT JOIN members ON members.group_id = groups.group_id AND members.user_id = users.user_id
WHERE groups.official = 1
  AND NOT EXISTS (SELECT 1 FROM bans
                  WHERE bans.group_id = groups.group_id AND bans.user_id = users.user_id);

DELETE FROM members
WHERE group_id = (SELECT group_id FROM groups WHERE official = 1) AND nickname IS NULL AND roles = '[]';

UPDATE groups SET member_count = (SELECT count(*) FROM official_members) WHERE official = 1;
