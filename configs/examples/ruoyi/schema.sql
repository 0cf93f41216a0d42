-- 另一所学校:若依(RuoYi)风格,英文列名,复合主键,递交计数器。人员、证件、电话全部虚构。
-- Another school: RuoYi style, English names, a composite primary key, a counter behind the button. Nobody in it exists.
SET NAMES utf8mb4;
CREATE DATABASE ry_college DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
USE ry_college;

CREATE TABLE sys_user (
  user_id     BIGINT       NOT NULL AUTO_INCREMENT COMMENT '用户ID',
  dept_id     BIGINT       DEFAULT NULL COMMENT '部门ID',
  user_name   VARCHAR(30)  NOT NULL COMMENT '用户账号(工号)',
  nick_name   VARCHAR(30)  NOT NULL COMMENT '用户昵称',
  phonenumber VARCHAR(11)  DEFAULT '' COMMENT '手机号码',
  id_card     VARCHAR(18)  DEFAULT NULL COMMENT '身份证号',
  password    VARCHAR(100) DEFAULT '' COMMENT '密码',
  status      CHAR(1)      DEFAULT '0' COMMENT '帐号状态 0正常 1停用',
  del_flag    CHAR(1)      NOT NULL DEFAULT '0' COMMENT '删除标志 0存在 2删除',
  create_by   VARCHAR(64)  DEFAULT '', create_time DATETIME DEFAULT NULL,
  update_by   VARCHAR(64)  DEFAULT '', update_time DATETIME DEFAULT NULL,
  PRIMARY KEY (user_id), UNIQUE KEY uk_user_name (user_name)
) COMMENT = '用户信息表';

CREATE TABLE sys_dict_data (
  dict_code  BIGINT NOT NULL AUTO_INCREMENT COMMENT '字典编码',
  dict_sort  INT DEFAULT 0, dict_label VARCHAR(100) DEFAULT '' COMMENT '字典标签',
  dict_value VARCHAR(100) DEFAULT '' COMMENT '字典键值',
  dict_type  VARCHAR(100) DEFAULT '' COMMENT '字典类型',
  css_class  VARCHAR(100) DEFAULT NULL, list_class VARCHAR(100) DEFAULT NULL, is_default CHAR(1) DEFAULT 'N',
  status     CHAR(1) DEFAULT '0' COMMENT '状态 0正常 1停用',
  remark     VARCHAR(500) DEFAULT NULL COMMENT '备注',
  PRIMARY KEY (dict_code), KEY ix_type (dict_type)
) COMMENT = '字典数据表';

CREATE TABLE biz_student (
  student_id      BIGINT      NOT NULL AUTO_INCREMENT COMMENT '主键',
  student_no      VARCHAR(20) NOT NULL COMMENT '学号',
  student_name    VARCHAR(60) NOT NULL COMMENT '姓名',
  id_card         VARCHAR(18) DEFAULT NULL COMMENT '身份证号',
  phone           VARCHAR(20) DEFAULT NULL COMMENT '手机号',
  college_name    VARCHAR(60) DEFAULT NULL COMMENT '学院',
  major_name      VARCHAR(60) DEFAULT NULL COMMENT '专业',
  class_name      VARCHAR(60) DEFAULT NULL COMMENT '班级',
  grade           CHAR(4)     DEFAULT NULL COMMENT '年级',
  attention_level VARCHAR(10) NOT NULL DEFAULT 'normal' COMMENT '关注等级 字典 biz_attention',
  del_flag        CHAR(1)     NOT NULL DEFAULT '0' COMMENT '删除标志 0存在 2删除',
  PRIMARY KEY (student_id), UNIQUE KEY uk_student_no (student_no)
) COMMENT = '学生信息表';

CREATE TABLE biz_student_parent (
  parent_id   BIGINT      NOT NULL AUTO_INCREMENT COMMENT '主键',
  student_id  BIGINT      NOT NULL COMMENT '学生',
  parent_name VARCHAR(50) NOT NULL COMMENT '家长姓名',
  relation    CHAR(2)     NOT NULL COMMENT '与学生关系 GB/T 4761:51父亲 52母亲 57继父 58继母 61祖父 62祖母 97其他亲属',
  phone       VARCHAR(20) DEFAULT NULL COMMENT '联系电话',
  PRIMARY KEY (parent_id), KEY ix_student (student_id),
  CONSTRAINT fk_parent_student FOREIGN KEY (student_id) REFERENCES biz_student (student_id)
) COMMENT = '家长信息表';

CREATE TABLE biz_talk_record (
  term_code      CHAR(7)           NOT NULL COMMENT '学期',
  record_no      INT UNSIGNED      NOT NULL COMMENT '学期内序号',
  talk_kind      TINYINT           NOT NULL COMMENT '谈话形式 1一对一谈话 2集体谈话 3家校联系',
  counselor_id   BIGINT            NOT NULL COMMENT '谈话人',
  student_id     BIGINT            DEFAULT NULL COMMENT '谈话对象,集体谈话为空',
  parent_id      BIGINT            DEFAULT NULL COMMENT '联系的家长',
  topic          VARCHAR(4)        DEFAULT NULL COMMENT '谈话主题 字典 biz_talk_topic',
  talk_mode      VARCHAR(10)       DEFAULT NULL COMMENT '谈话方式 字典 biz_talk_mode',
  begin_time     DATETIME          DEFAULT NULL COMMENT '开始时间',
  end_time       DATETIME          DEFAULT NULL COMMENT '结束时间',
  talk_minutes   SMALLINT UNSIGNED DEFAULT NULL COMMENT '时长(分钟)',
  location       VARCHAR(100)      DEFAULT NULL COMMENT '地点',
  title          VARCHAR(200)      DEFAULT NULL COMMENT '标题',
  content        MEDIUMTEXT        COMMENT '谈话内容(富文本)',
  measures       TEXT              COMMENT '帮扶措施(富文本)',
  feedback       VARCHAR(1000)     DEFAULT NULL COMMENT '学生或家长反馈',
  need_follow_up TINYINT(1)        DEFAULT NULL COMMENT '是否跟进',
  follow_date    DATE              DEFAULT NULL COMMENT '下次跟进日期',
  submit_count   INT UNSIGNED      NOT NULL DEFAULT 0 COMMENT '递交次数',
  report_status  CHAR(1)           NOT NULL DEFAULT '0' COMMENT '上报状态 0未上报 1上报成功 2上报失败',
  report_msg     VARCHAR(500)      DEFAULT NULL COMMENT '上报结果说明',
  create_by      VARCHAR(64)       DEFAULT '', create_time DATETIME DEFAULT NULL,
  update_by      VARCHAR(64)       DEFAULT '', update_time DATETIME DEFAULT NULL,
  del_flag       CHAR(1)           NOT NULL DEFAULT '0' COMMENT '删除标志 0存在 2删除',
  PRIMARY KEY (term_code, record_no),
  CONSTRAINT fk_talk_user FOREIGN KEY (counselor_id) REFERENCES sys_user (user_id),
  CONSTRAINT fk_talk_student FOREIGN KEY (student_id) REFERENCES biz_student (student_id)
) COMMENT = '谈心谈话记录表';

CREATE TABLE biz_talk_participant (
  term_code  CHAR(7)      NOT NULL COMMENT '学期',
  record_no  INT UNSIGNED NOT NULL COMMENT '学期内序号',
  student_id BIGINT       NOT NULL COMMENT '学生',
  order_num  INT          NOT NULL DEFAULT 0 COMMENT '显示顺序',
  PRIMARY KEY (term_code, record_no, student_id),
  CONSTRAINT fk_participant_talk FOREIGN KEY (term_code, record_no) REFERENCES biz_talk_record (term_code, record_no),
  CONSTRAINT fk_participant_student FOREIGN KEY (student_id) REFERENCES biz_student (student_id)
) COMMENT = '集体谈话参与学生表';
