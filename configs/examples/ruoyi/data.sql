-- 虚构数据 / invented people
SET NAMES utf8mb4;
USE ry_college;

INSERT INTO sys_user (user_id, user_name, nick_name, phonenumber) VALUES (1, 'admin', '管理员', ''), (101, 'T2016008', '陈静', '13900000101'), (102, 'T2021035', '赵磊', '13900000102');

-- remark 存平台代码,由学校自己维护 / remark holds the platform's code; the school keeps it
INSERT INTO sys_dict_data (dict_sort, dict_type, dict_value, dict_label, status, remark) VALUES
  (1, 'biz_talk_mode', 'face', '面谈', '0', '01'), (2, 'biz_talk_mode', 'phone', '电话', '0', '02'), (3, 'biz_talk_mode', 'video', '视频', '0', '03'),
  (4, 'biz_talk_mode', 'wechat', '微信', '0', '04'), (5, 'biz_talk_mode', 'letter', '书信', '1', NULL), (6, 'biz_talk_mode', 'other', '其他', '0', '99'),
  (1, 'biz_attention', 'normal', '一般', '0', '0'), (2, 'biz_attention', 'key', '重点', '0', '1'), (3, 'biz_attention', 'second', '二级', '0', '2'),
  (1, 'biz_talk_topic', '01', '思想引领', '0', NULL), (2, 'biz_talk_topic', '03', '学风建设', '0', NULL), (3, 'biz_talk_topic', '05', '心理健康', '0', NULL),
  (4, 'biz_talk_topic', '08', '就业指导', '0', NULL), (5, 'biz_talk_topic', '99', '其他', '0', NULL);

INSERT INTO biz_student (student_id, student_no, student_name, phone, college_name, major_name, class_name, grade, attention_level, del_flag) VALUES
  (1, 'S20240001', '林小雨', '13700000001', '信息工程学院', '软件工程', '软件2401', '2024', 'key', '0'),
  (2, 'S20240002', '周子航', '13700000002', '信息工程学院', '软件工程', '软件2401', '2024', 'normal', '0'),
  (3, 'S20240003', '何梦琪', NULL, '信息工程学院', '网络工程', '网络2401', '2024', 'second', '0'),
  (4, 'S20230009', '吴退学', '13700000004', '艺术学院', '动画', '动画2301', '2023', 'normal', '2');

INSERT INTO biz_student_parent (parent_id, student_id, parent_name, relation, phone) VALUES (11, 1, '林建平', '51', '13700001001'), (12, 2, '孙丽', '52', '0571-88001234');

INSERT INTO biz_talk_record (term_code, record_no, talk_kind, counselor_id, student_id, parent_id, topic, talk_mode, begin_time, end_time, talk_minutes, location, title, content, measures, feedback, need_follow_up, follow_date, del_flag) VALUES
  ('2025-26', 1, 1, 101, 1, NULL, '05', 'face', '2026-03-09 10:00:00', '2026-03-09 10:40:00', 40, '学生活动中心302', '期中压力', '<p>学业压力较大,睡眠一般。</p><ul><li>已约下周复谈</li></ul>', '<p>每周一次复谈</p>', '愿意配合', 1, '2026-03-16', '0'),
  ('2025-26', 2, 1, 102, 2, NULL, '08', 'wechat', '2026-03-10 19:00:00', '2026-03-10 19:20:00', 20, NULL, '实习选择', '<p>比较两家单位,建议先见习。</p>', NULL, NULL, 0, NULL, '0'),
  ('2025-26', 3, 1, 102, 2, NULL, '03', 'letter', '2026-03-11 09:00:00', NULL, NULL, NULL, '学习计划', '<p>书信往来。</p>', NULL, NULL, 0, NULL, '0'),
  ('2025-26', 4, 1, 101, 4, NULL, '99', 'face', '2026-03-11 15:00:00', '2026-03-11 15:10:00', 10, '办公室', '离校手续', '<p>办理离校。</p>', NULL, NULL, 0, NULL, '0'),
  ('2025-26', 5, 2, 101, NULL, NULL, '01', 'face', '2026-03-12 14:00:00', '2026-03-12 15:00:00', 60, '教学楼A201', '宿舍关系座谈', '<p>三位同学参加。</p>', NULL, NULL, 0, NULL, '0'),
  ('2025-26', 6, 3, 101, 1, 11, '05', 'phone', '2026-03-13 20:00:00', '2026-03-13 20:15:00', 15, NULL, '与家长沟通', '<p>家长表示理解。</p>', NULL, '保持联系', 0, NULL, '0'),
  ('2025-26', 7, 1, 101, 1, NULL, '05', 'face', '2026-03-14 10:00:00', NULL, NULL, NULL, '误录', '<p>误录,已删除。</p>', NULL, NULL, 0, NULL, '2');

INSERT INTO biz_talk_participant (term_code, record_no, student_id, order_num) VALUES ('2025-26', 5, 1, 1), ('2025-26', 5, 2, 2), ('2025-26', 5, 3, 3);
